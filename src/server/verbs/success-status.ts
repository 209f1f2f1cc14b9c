/** What a create answers that leaves nothing to read back (binding, eviction). */
export function successStatus(code: number): object {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code };
}
