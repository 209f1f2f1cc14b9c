/**
 * How volumes of the class `local` are agreed on through the API: each node says in an annotation where it keeps them,
 * the provisioner makes a PersistentVolume with a path below, a label that names the node and a finalizer; the node makes
 * the directory when a pod first uses it, and takes it and the finalizer away when the volume is deleted.
 */
export const localProvisioner = 'roadstead.dev/local';
export const localVolumeFinalizer = 'roadstead.dev/local-volume';
/** On a PersistentVolume: the node that holds it. */
export const localVolumeNodeLabel = 'roadstead.dev/node';
/** On a Node: the directory on it that holds its volumes. */
export const localVolumeDirectoryAnnotation = 'roadstead.dev/local-volume-directory';
