// The structure of every stable type of the Kubernetes API, 1.36, one line a field. Read by structure.ts; how to read it stands at its head.
export const structureText = `
# The structure of every stable type of the Kubernetes API, 1.36: one line a field.
#   field[!] TYPE [list type] [patch=STRATEGY(merge key)]      "!" marks a required field
# TYPE: string bool int32 int64 double bytes (base64) time microtime quantity intstr
#       object (any JSON object, kept as it is) any (any JSON value) []T map[T] TypeName alias.TypeName
# List types: map(key,...) set atomic (also a map's or a struct's: atomic). A list without one is atomic.
# "type T kind=GROUP/VERSION" is a type that can stand alone; "group PREFIX ALIAS" opens a group of definitions.

group io.k8s.api.admissionregistration.v1 admissionregistration/v1
type ApplyConfiguration
  expression string
type AuditAnnotation
  key! string
  valueExpression! string
type ExpressionWarning
  fieldRef! string
  warning! string
type JSONPatch
  expression string
type MatchCondition
  expression! string
  name! string
type MatchResources atomic
  excludeResourceRules []NamedRuleWithOperations atomic
  matchPolicy string
  namespaceSelector meta/v1.LabelSelector
  objectSelector meta/v1.LabelSelector
  resourceRules []NamedRuleWithOperations atomic
type MutatingAdmissionPolicy kind=admissionregistration.k8s.io/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec MutatingAdmissionPolicySpec
type MutatingAdmissionPolicyBinding kind=admissionregistration.k8s.io/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec MutatingAdmissionPolicyBindingSpec
type MutatingAdmissionPolicyBindingList kind=admissionregistration.k8s.io/v1
  apiVersion string
  items! []MutatingAdmissionPolicyBinding
  kind string
  metadata meta/v1.ListMeta
type MutatingAdmissionPolicyBindingSpec
  matchResources MatchResources
  paramRef ParamRef
  policyName string
type MutatingAdmissionPolicyList kind=admissionregistration.k8s.io/v1
  apiVersion string
  items! []MutatingAdmissionPolicy
  kind string
  metadata meta/v1.ListMeta
type MutatingAdmissionPolicySpec
  failurePolicy string
  matchConditions []MatchCondition map(name) patch=merge(name)
  matchConstraints MatchResources
  mutations []Mutation atomic
  paramKind ParamKind
  reinvocationPolicy string
  variables []Variable atomic
type MutatingWebhook
  admissionReviewVersions! []string atomic
  clientConfig! WebhookClientConfig
  failurePolicy string
  matchConditions []MatchCondition map(name) patch=merge(name)
  matchPolicy string
  name! string
  namespaceSelector meta/v1.LabelSelector
  objectSelector meta/v1.LabelSelector
  reinvocationPolicy string
  rules []RuleWithOperations atomic
  sideEffects! string
  timeoutSeconds int32
type MutatingWebhookConfiguration kind=admissionregistration.k8s.io/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  webhooks []MutatingWebhook map(name) patch=merge(name)
type MutatingWebhookConfigurationList kind=admissionregistration.k8s.io/v1
  apiVersion string
  items! []MutatingWebhookConfiguration
  kind string
  metadata meta/v1.ListMeta
type Mutation
  applyConfiguration ApplyConfiguration
  jsonPatch JSONPatch
  patchType! string
type NamedRuleWithOperations atomic
  apiGroups []string atomic
  apiVersions []string atomic
  operations []string atomic
  resourceNames []string atomic
  resources []string atomic
  scope string
type ParamKind atomic
  apiVersion string
  kind string
type ParamRef atomic
  name string
  namespace string
  parameterNotFoundAction string
  selector meta/v1.LabelSelector
type RuleWithOperations
  apiGroups []string atomic
  apiVersions []string atomic
  operations []string atomic
  resources []string atomic
  scope string
type ServiceReference
  name! string
  namespace! string
  path string
  port int32
type TypeChecking
  expressionWarnings []ExpressionWarning atomic
type ValidatingAdmissionPolicy kind=admissionregistration.k8s.io/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec ValidatingAdmissionPolicySpec
  status ValidatingAdmissionPolicyStatus
type ValidatingAdmissionPolicyBinding kind=admissionregistration.k8s.io/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec! ValidatingAdmissionPolicyBindingSpec
type ValidatingAdmissionPolicyBindingList kind=admissionregistration.k8s.io/v1
  apiVersion string
  items! []ValidatingAdmissionPolicyBinding
  kind string
  metadata meta/v1.ListMeta
type ValidatingAdmissionPolicyBindingSpec
  matchResources MatchResources
  paramRef ParamRef
  policyName! string
  validationActions! []string set
type ValidatingAdmissionPolicyList kind=admissionregistration.k8s.io/v1
  apiVersion string
  items! []ValidatingAdmissionPolicy
  kind string
  metadata meta/v1.ListMeta
type ValidatingAdmissionPolicySpec
  auditAnnotations []AuditAnnotation atomic
  failurePolicy string
  matchConditions []MatchCondition map(name) patch=merge(name)
  matchConstraints MatchResources
  paramKind ParamKind
  validations []Validation atomic
  variables []Variable map(name) patch=merge(name)
type ValidatingAdmissionPolicyStatus
  conditions []meta/v1.Condition map(type)
  observedGeneration int64
  typeChecking TypeChecking
type ValidatingWebhook
  admissionReviewVersions! []string atomic
  clientConfig! WebhookClientConfig
  failurePolicy string
  matchConditions []MatchCondition map(name) patch=merge(name)
  matchPolicy string
  name! string
  namespaceSelector meta/v1.LabelSelector
  objectSelector meta/v1.LabelSelector
  rules []RuleWithOperations atomic
  sideEffects! string
  timeoutSeconds int32
type ValidatingWebhookConfiguration kind=admissionregistration.k8s.io/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  webhooks []ValidatingWebhook map(name) patch=merge(name)
type ValidatingWebhookConfigurationList kind=admissionregistration.k8s.io/v1
  apiVersion string
  items! []ValidatingWebhookConfiguration
  kind string
  metadata meta/v1.ListMeta
type Validation
  expression! string
  message string
  messageExpression string
  reason string
type Variable atomic
  expression! string
  name! string
type WebhookClientConfig
  caBundle bytes
  service ServiceReference
  url string

group io.k8s.api.apps.v1 apps/v1
type ControllerRevision kind=apps/v1
  apiVersion string
  data object
  kind string
  metadata meta/v1.ObjectMeta
  revision! int64
type ControllerRevisionList kind=apps/v1
  apiVersion string
  items! []ControllerRevision
  kind string
  metadata meta/v1.ListMeta
type DaemonSet kind=apps/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec DaemonSetSpec
  status DaemonSetStatus
type DaemonSetCondition
  lastTransitionTime time
  message string
  reason string
  status! string
  type! string
type DaemonSetList kind=apps/v1
  apiVersion string
  items! []DaemonSet
  kind string
  metadata meta/v1.ListMeta
type DaemonSetSpec
  minReadySeconds int32
  revisionHistoryLimit int32
  selector! meta/v1.LabelSelector
  template! core/v1.PodTemplateSpec
  updateStrategy DaemonSetUpdateStrategy
type DaemonSetStatus
  collisionCount int32
  conditions []DaemonSetCondition map(type) patch=merge(type)
  currentNumberScheduled! int32
  desiredNumberScheduled! int32
  numberAvailable int32
  numberMisscheduled! int32
  numberReady! int32
  numberUnavailable int32
  observedGeneration int64
  updatedNumberScheduled int32
type DaemonSetUpdateStrategy
  rollingUpdate RollingUpdateDaemonSet
  type string
type Deployment kind=apps/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec DeploymentSpec
  status DeploymentStatus
type DeploymentCondition
  lastTransitionTime time
  lastUpdateTime time
  message string
  reason string
  status! string
  type! string
type DeploymentList kind=apps/v1
  apiVersion string
  items! []Deployment
  kind string
  metadata meta/v1.ListMeta
type DeploymentSpec
  minReadySeconds int32
  paused bool
  progressDeadlineSeconds int32
  replicas int32
  revisionHistoryLimit int32
  selector! meta/v1.LabelSelector
  strategy DeploymentStrategy patch=retainKeys
  template! core/v1.PodTemplateSpec
type DeploymentStatus
  availableReplicas int32
  collisionCount int32
  conditions []DeploymentCondition map(type) patch=merge(type)
  observedGeneration int64
  readyReplicas int32
  replicas int32
  terminatingReplicas int32
  unavailableReplicas int32
  updatedReplicas int32
type DeploymentStrategy
  rollingUpdate RollingUpdateDeployment
  type string
type ReplicaSet kind=apps/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec ReplicaSetSpec
  status ReplicaSetStatus
type ReplicaSetCondition
  lastTransitionTime time
  message string
  reason string
  status! string
  type! string
type ReplicaSetList kind=apps/v1
  apiVersion string
  items! []ReplicaSet
  kind string
  metadata meta/v1.ListMeta
type ReplicaSetSpec
  minReadySeconds int32
  replicas int32
  selector! meta/v1.LabelSelector
  template core/v1.PodTemplateSpec
type ReplicaSetStatus
  availableReplicas int32
  conditions []ReplicaSetCondition map(type) patch=merge(type)
  fullyLabeledReplicas int32
  observedGeneration int64
  readyReplicas int32
  replicas! int32
  terminatingReplicas int32
type RollingUpdateDaemonSet
  maxSurge intstr
  maxUnavailable intstr
type RollingUpdateDeployment
  maxSurge intstr
  maxUnavailable intstr
type RollingUpdateStatefulSetStrategy
  maxUnavailable intstr
  partition int32
type StatefulSet kind=apps/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec StatefulSetSpec
  status StatefulSetStatus
type StatefulSetCondition
  lastTransitionTime time
  message string
  reason string
  status! string
  type! string
type StatefulSetList kind=apps/v1
  apiVersion string
  items! []StatefulSet
  kind string
  metadata meta/v1.ListMeta
type StatefulSetOrdinals
  start int32
type StatefulSetPersistentVolumeClaimRetentionPolicy
  whenDeleted string
  whenScaled string
type StatefulSetSpec
  minReadySeconds int32
  ordinals StatefulSetOrdinals
  persistentVolumeClaimRetentionPolicy StatefulSetPersistentVolumeClaimRetentionPolicy
  podManagementPolicy string
  replicas int32
  revisionHistoryLimit int32
  selector! meta/v1.LabelSelector
  serviceName string
  template! core/v1.PodTemplateSpec
  updateStrategy StatefulSetUpdateStrategy
  volumeClaimTemplates []core/v1.PersistentVolumeClaim atomic
type StatefulSetStatus
  availableReplicas int32
  collisionCount int32
  conditions []StatefulSetCondition map(type) patch=merge(type)
  currentReplicas int32
  currentRevision string
  observedGeneration int64
  readyReplicas int32
  replicas! int32
  updateRevision string
  updatedReplicas int32
type StatefulSetUpdateStrategy
  rollingUpdate RollingUpdateStatefulSetStrategy
  type string

group io.k8s.api.authentication.v1 authentication/v1
type BoundObjectReference
  apiVersion string
  kind string
  name string
  uid string
type SelfSubjectReview kind=authentication.k8s.io/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  status SelfSubjectReviewStatus
type SelfSubjectReviewStatus
  userInfo UserInfo
type TokenRequest kind=authentication.k8s.io/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec TokenRequestSpec
  status TokenRequestStatus
type TokenRequestSpec
  audiences []string atomic
  boundObjectRef BoundObjectReference
  expirationSeconds int64
type TokenRequestStatus
  expirationTimestamp time
  token string
type TokenReview kind=authentication.k8s.io/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec! TokenReviewSpec
  status TokenReviewStatus
type TokenReviewSpec
  audiences []string atomic
  token! string
type TokenReviewStatus
  audiences []string atomic
  authenticated bool
  error string
  user UserInfo
type UserInfo
  extra map[[]string]
  groups []string atomic
  uid string
  username string

group io.k8s.api.authorization.v1 authorization/v1
type FieldSelectorAttributes
  rawSelector string
  requirements []meta/v1.FieldSelectorRequirement atomic
type LabelSelectorAttributes
  rawSelector string
  requirements []meta/v1.LabelSelectorRequirement atomic
type LocalSubjectAccessReview kind=authorization.k8s.io/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec! SubjectAccessReviewSpec
  status SubjectAccessReviewStatus
type NonResourceAttributes
  path string
  verb string
type NonResourceRule
  nonResourceURLs []string atomic
  verbs! []string atomic
type ResourceAttributes
  fieldSelector FieldSelectorAttributes
  group string
  labelSelector LabelSelectorAttributes
  name string
  namespace string
  resource string
  subresource string
  verb string
  version string
type ResourceRule
  apiGroups []string atomic
  resourceNames []string atomic
  resources []string atomic
  verbs! []string atomic
type SelfSubjectAccessReview kind=authorization.k8s.io/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec! SelfSubjectAccessReviewSpec
  status SubjectAccessReviewStatus
type SelfSubjectAccessReviewSpec
  nonResourceAttributes NonResourceAttributes
  resourceAttributes ResourceAttributes
type SelfSubjectRulesReview kind=authorization.k8s.io/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec! SelfSubjectRulesReviewSpec
  status SubjectRulesReviewStatus
type SelfSubjectRulesReviewSpec
  namespace string
type SubjectAccessReview kind=authorization.k8s.io/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec! SubjectAccessReviewSpec
  status SubjectAccessReviewStatus
type SubjectAccessReviewSpec
  extra map[[]string]
  groups []string atomic
  nonResourceAttributes NonResourceAttributes
  resourceAttributes ResourceAttributes
  uid string
  user string
type SubjectAccessReviewStatus
  allowed! bool
  denied bool
  evaluationError string
  reason string
type SubjectRulesReviewStatus
  evaluationError string
  incomplete! bool
  nonResourceRules! []NonResourceRule atomic
  resourceRules! []ResourceRule atomic

group io.k8s.api.autoscaling.v1 autoscaling/v1
type CrossVersionObjectReference atomic
  apiVersion string
  kind! string
  name! string
type HorizontalPodAutoscaler kind=autoscaling/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec! HorizontalPodAutoscalerSpec
  status HorizontalPodAutoscalerStatus
type HorizontalPodAutoscalerList kind=autoscaling/v1
  apiVersion string
  items! []HorizontalPodAutoscaler
  kind string
  metadata meta/v1.ListMeta
type HorizontalPodAutoscalerSpec
  maxReplicas! int32
  minReplicas int32
  scaleTargetRef! CrossVersionObjectReference
  targetCPUUtilizationPercentage int32
type HorizontalPodAutoscalerStatus
  currentCPUUtilizationPercentage int32
  currentReplicas! int32
  desiredReplicas! int32
  lastScaleTime time
  observedGeneration int64
type Scale kind=autoscaling/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec ScaleSpec
  status ScaleStatus
type ScaleSpec
  replicas int32
type ScaleStatus
  replicas! int32
  selector string

group io.k8s.api.autoscaling.v2 autoscaling/v2
type ContainerResourceMetricSource
  container! string
  name! string
  target! MetricTarget
type ContainerResourceMetricStatus
  container! string
  current! MetricValueStatus
  name! string
type CrossVersionObjectReference
  apiVersion string
  kind! string
  name! string
type ExternalMetricSource
  metric! MetricIdentifier
  target! MetricTarget
type ExternalMetricStatus
  current! MetricValueStatus
  metric! MetricIdentifier
type HPAScalingPolicy
  periodSeconds! int32
  type! string
  value! int32
type HPAScalingRules
  policies []HPAScalingPolicy atomic
  selectPolicy string
  stabilizationWindowSeconds int32
  tolerance quantity
type HorizontalPodAutoscaler kind=autoscaling/v2
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec! HorizontalPodAutoscalerSpec
  status HorizontalPodAutoscalerStatus
type HorizontalPodAutoscalerBehavior
  scaleDown HPAScalingRules
  scaleUp HPAScalingRules
type HorizontalPodAutoscalerCondition
  lastTransitionTime time
  message string
  reason string
  status! string
  type! string
type HorizontalPodAutoscalerList kind=autoscaling/v2
  apiVersion string
  items! []HorizontalPodAutoscaler
  kind string
  metadata meta/v1.ListMeta
type HorizontalPodAutoscalerSpec
  behavior HorizontalPodAutoscalerBehavior
  maxReplicas! int32
  metrics []MetricSpec atomic
  minReplicas int32
  scaleTargetRef! CrossVersionObjectReference
type HorizontalPodAutoscalerStatus
  conditions []HorizontalPodAutoscalerCondition map(type) patch=merge(type)
  currentMetrics []MetricStatus atomic
  currentReplicas int32
  desiredReplicas! int32
  lastScaleTime time
  observedGeneration int64
type MetricIdentifier
  name! string
  selector meta/v1.LabelSelector
type MetricSpec
  containerResource ContainerResourceMetricSource
  external ExternalMetricSource
  object ObjectMetricSource
  pods PodsMetricSource
  resource ResourceMetricSource
  type! string
type MetricStatus
  containerResource ContainerResourceMetricStatus
  external ExternalMetricStatus
  object ObjectMetricStatus
  pods PodsMetricStatus
  resource ResourceMetricStatus
  type! string
type MetricTarget
  averageUtilization int32
  averageValue quantity
  type! string
  value quantity
type MetricValueStatus
  averageUtilization int32
  averageValue quantity
  value quantity
type ObjectMetricSource
  describedObject! CrossVersionObjectReference
  metric! MetricIdentifier
  target! MetricTarget
type ObjectMetricStatus
  current! MetricValueStatus
  describedObject! CrossVersionObjectReference
  metric! MetricIdentifier
type PodsMetricSource
  metric! MetricIdentifier
  target! MetricTarget
type PodsMetricStatus
  current! MetricValueStatus
  metric! MetricIdentifier
type ResourceMetricSource
  name! string
  target! MetricTarget
type ResourceMetricStatus
  current! MetricValueStatus
  name! string

group io.k8s.api.batch.v1 batch/v1
type CronJob kind=batch/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec! CronJobSpec
  status CronJobStatus
type CronJobList kind=batch/v1
  apiVersion string
  items! []CronJob
  kind string
  metadata meta/v1.ListMeta
type CronJobSpec
  concurrencyPolicy string
  failedJobsHistoryLimit int32
  jobTemplate! JobTemplateSpec
  schedule! string
  startingDeadlineSeconds int64
  successfulJobsHistoryLimit int32
  suspend bool
  timeZone string
type CronJobStatus
  active []core/v1.ObjectReference atomic
  lastScheduleTime time
  lastSuccessfulTime time
type Job kind=batch/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec JobSpec
  status JobStatus
type JobCondition
  lastProbeTime time
  lastTransitionTime time
  message string
  reason string
  status! string
  type! string
type JobList kind=batch/v1
  apiVersion string
  items! []Job
  kind string
  metadata meta/v1.ListMeta
type JobSpec
  activeDeadlineSeconds int64
  backoffLimit int32
  backoffLimitPerIndex int32
  completionMode string
  completions int32
  managedBy string
  manualSelector bool
  maxFailedIndexes int32
  parallelism int32
  podFailurePolicy PodFailurePolicy
  podReplacementPolicy string
  selector meta/v1.LabelSelector
  successPolicy SuccessPolicy
  suspend bool
  template! core/v1.PodTemplateSpec
  ttlSecondsAfterFinished int32
type JobStatus
  active int32
  completedIndexes string
  completionTime time
  conditions []JobCondition atomic patch=merge(type)
  failed int32
  failedIndexes string
  ready int32
  startTime time
  succeeded int32
  terminating int32
  uncountedTerminatedPods UncountedTerminatedPods
type JobTemplateSpec
  metadata meta/v1.ObjectMeta
  spec JobSpec
type PodFailurePolicy
  rules! []PodFailurePolicyRule atomic
type PodFailurePolicyOnExitCodesRequirement
  containerName string
  operator! string
  values! []int32 set
type PodFailurePolicyOnPodConditionsPattern
  status string
  type! string
type PodFailurePolicyRule
  action! string
  onExitCodes PodFailurePolicyOnExitCodesRequirement
  onPodConditions []PodFailurePolicyOnPodConditionsPattern atomic
type SuccessPolicy
  rules! []SuccessPolicyRule atomic
type SuccessPolicyRule
  succeededCount int32
  succeededIndexes string
type UncountedTerminatedPods
  failed []string set
  succeeded []string set

group io.k8s.api.certificates.v1 certificates/v1
type CertificateSigningRequest kind=certificates.k8s.io/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec! CertificateSigningRequestSpec
  status CertificateSigningRequestStatus
type CertificateSigningRequestCondition
  lastTransitionTime time
  lastUpdateTime time
  message string
  reason string
  status! string
  type! string
type CertificateSigningRequestList kind=certificates.k8s.io/v1
  apiVersion string
  items! []CertificateSigningRequest
  kind string
  metadata meta/v1.ListMeta
type CertificateSigningRequestSpec
  expirationSeconds int32
  extra map[[]string]
  groups []string atomic
  request! bytes
  signerName! string
  uid string
  usages []string atomic
  username string
type CertificateSigningRequestStatus
  certificate bytes
  conditions []CertificateSigningRequestCondition map(type)

group io.k8s.api.coordination.v1 coordination/v1
type Lease kind=coordination.k8s.io/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec LeaseSpec
type LeaseList kind=coordination.k8s.io/v1
  apiVersion string
  items! []Lease
  kind string
  metadata meta/v1.ListMeta
type LeaseSpec
  acquireTime microtime
  holderIdentity string
  leaseDurationSeconds int32
  leaseTransitions int32
  preferredHolder string
  renewTime microtime
  strategy string

group io.k8s.api.core.v1 core/v1
type AWSElasticBlockStoreVolumeSource
  fsType string
  partition int32
  readOnly bool
  volumeID! string
type Affinity
  nodeAffinity NodeAffinity
  podAffinity PodAffinity
  podAntiAffinity PodAntiAffinity
type AppArmorProfile
  localhostProfile string
  type! string
type AttachedVolume
  devicePath! string
  name! string
type AzureDiskVolumeSource
  cachingMode string
  diskName! string
  diskURI! string
  fsType string
  kind string
  readOnly bool
type AzureFilePersistentVolumeSource
  readOnly bool
  secretName! string
  secretNamespace string
  shareName! string
type AzureFileVolumeSource
  readOnly bool
  secretName! string
  shareName! string
type Binding kind=v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  target! ObjectReference
type CSIPersistentVolumeSource
  controllerExpandSecretRef SecretReference
  controllerPublishSecretRef SecretReference
  driver! string
  fsType string
  nodeExpandSecretRef SecretReference
  nodePublishSecretRef SecretReference
  nodeStageSecretRef SecretReference
  readOnly bool
  volumeAttributes map[string]
  volumeHandle! string
type CSIVolumeSource
  driver! string
  fsType string
  nodePublishSecretRef LocalObjectReference
  readOnly bool
  volumeAttributes map[string]
type Capabilities
  add []string atomic
  drop []string atomic
type CephFSPersistentVolumeSource
  monitors! []string atomic
  path string
  readOnly bool
  secretFile string
  secretRef SecretReference
  user string
type CephFSVolumeSource
  monitors! []string atomic
  path string
  readOnly bool
  secretFile string
  secretRef LocalObjectReference
  user string
type CinderPersistentVolumeSource
  fsType string
  readOnly bool
  secretRef SecretReference
  volumeID! string
type CinderVolumeSource
  fsType string
  readOnly bool
  secretRef LocalObjectReference
  volumeID! string
type ClientIPConfig
  timeoutSeconds int32
type ClusterTrustBundleProjection
  labelSelector meta/v1.LabelSelector
  name string
  optional bool
  path! string
  signerName string
type ComponentCondition
  error string
  message string
  status! string
  type! string
type ComponentStatus kind=v1
  apiVersion string
  conditions []ComponentCondition map(type) patch=merge(type)
  kind string
  metadata meta/v1.ObjectMeta
type ComponentStatusList kind=v1
  apiVersion string
  items! []ComponentStatus
  kind string
  metadata meta/v1.ListMeta
type ConfigMap kind=v1
  apiVersion string
  binaryData map[bytes]
  data map[string]
  immutable bool
  kind string
  metadata meta/v1.ObjectMeta
type ConfigMapEnvSource
  name string
  optional bool
type ConfigMapKeySelector atomic
  key! string
  name string
  optional bool
type ConfigMapList kind=v1
  apiVersion string
  items! []ConfigMap
  kind string
  metadata meta/v1.ListMeta
type ConfigMapNodeConfigSource
  kubeletConfigKey! string
  name! string
  namespace! string
  resourceVersion string
  uid string
type ConfigMapProjection
  items []KeyToPath atomic
  name string
  optional bool
type ConfigMapVolumeSource
  defaultMode int32
  items []KeyToPath atomic
  name string
  optional bool
type Container
  args []string atomic
  command []string atomic
  env []EnvVar map(name) patch=merge(name)
  envFrom []EnvFromSource atomic
  image string
  imagePullPolicy string
  lifecycle Lifecycle
  livenessProbe Probe
  name! string
  ports []ContainerPort map(containerPort,protocol) patch=merge(containerPort)
  readinessProbe Probe
  resizePolicy []ContainerResizePolicy atomic
  resources ResourceRequirements
  restartPolicy string
  restartPolicyRules []ContainerRestartRule atomic
  securityContext SecurityContext
  startupProbe Probe
  stdin bool
  stdinOnce bool
  terminationMessagePath string
  terminationMessagePolicy string
  tty bool
  volumeDevices []VolumeDevice map(devicePath) patch=merge(devicePath)
  volumeMounts []VolumeMount map(mountPath) patch=merge(mountPath)
  workingDir string
type ContainerExtendedResourceRequest
  containerName! string
  requestName! string
  resourceName! string
type ContainerImage
  names []string atomic
  sizeBytes int64
type ContainerPort
  containerPort! int32
  hostIP string
  hostPort int32
  name string
  protocol string
type ContainerResizePolicy
  resourceName! string
  restartPolicy! string
type ContainerRestartRule
  action! string
  exitCodes ContainerRestartRuleOnExitCodes
type ContainerRestartRuleOnExitCodes
  operator! string
  values []int32 set
type ContainerState
  running ContainerStateRunning
  terminated ContainerStateTerminated
  waiting ContainerStateWaiting
type ContainerStateRunning
  startedAt time
type ContainerStateTerminated
  containerID string
  exitCode! int32
  finishedAt time
  message string
  reason string
  signal int32
  startedAt time
type ContainerStateWaiting
  message string
  reason string
type ContainerStatus
  allocatedResources map[quantity]
  allocatedResourcesStatus []ResourceStatus map(name) patch=merge(name)
  containerID string
  image! string
  imageID! string
  lastState ContainerState
  name! string
  ready! bool
  resources ResourceRequirements
  restartCount! int32
  started bool
  state ContainerState
  stopSignal string
  user ContainerUser
  volumeMounts []VolumeMountStatus map(mountPath) patch=merge(mountPath)
type ContainerUser
  linux LinuxContainerUser
type DaemonEndpoint
  Port! int32
type DownwardAPIProjection
  items []DownwardAPIVolumeFile atomic
type DownwardAPIVolumeFile
  fieldRef ObjectFieldSelector
  mode int32
  path! string
  resourceFieldRef ResourceFieldSelector
type DownwardAPIVolumeSource
  defaultMode int32
  items []DownwardAPIVolumeFile atomic
type EmptyDirVolumeSource
  medium string
  sizeLimit quantity
type EndpointAddress atomic
  hostname string
  ip! string
  nodeName string
  targetRef ObjectReference
type EndpointPort atomic
  appProtocol string
  name string
  port! int32
  protocol string
type EndpointSubset
  addresses []EndpointAddress atomic
  notReadyAddresses []EndpointAddress atomic
  ports []EndpointPort atomic
type Endpoints kind=v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  subsets []EndpointSubset atomic
type EndpointsList kind=v1
  apiVersion string
  items! []Endpoints
  kind string
  metadata meta/v1.ListMeta
type EnvFromSource
  configMapRef ConfigMapEnvSource
  prefix string
  secretRef SecretEnvSource
type EnvVar
  name! string
  value string
  valueFrom EnvVarSource
type EnvVarSource
  configMapKeyRef ConfigMapKeySelector
  fieldRef ObjectFieldSelector
  fileKeyRef FileKeySelector
  resourceFieldRef ResourceFieldSelector
  secretKeyRef SecretKeySelector
type EphemeralContainer
  args []string atomic
  command []string atomic
  env []EnvVar map(name) patch=merge(name)
  envFrom []EnvFromSource atomic
  image string
  imagePullPolicy string
  lifecycle Lifecycle
  livenessProbe Probe
  name! string
  ports []ContainerPort map(containerPort,protocol) patch=merge(containerPort)
  readinessProbe Probe
  resizePolicy []ContainerResizePolicy atomic
  resources ResourceRequirements
  restartPolicy string
  restartPolicyRules []ContainerRestartRule atomic
  securityContext SecurityContext
  startupProbe Probe
  stdin bool
  stdinOnce bool
  targetContainerName string
  terminationMessagePath string
  terminationMessagePolicy string
  tty bool
  volumeDevices []VolumeDevice map(devicePath) patch=merge(devicePath)
  volumeMounts []VolumeMount map(mountPath) patch=merge(mountPath)
  workingDir string
type EphemeralVolumeSource
  volumeClaimTemplate PersistentVolumeClaimTemplate
type Event kind=v1
  action string
  apiVersion string
  count int32
  eventTime microtime
  firstTimestamp time
  involvedObject! ObjectReference
  kind string
  lastTimestamp time
  message string
  metadata! meta/v1.ObjectMeta
  reason string
  related ObjectReference
  reportingComponent string
  reportingInstance string
  series EventSeries
  source EventSource
  type string
type EventList kind=v1
  apiVersion string
  items! []Event
  kind string
  metadata meta/v1.ListMeta
type EventSeries
  count int32
  lastObservedTime microtime
type EventSource
  component string
  host string
type ExecAction
  command []string atomic
type FCVolumeSource
  fsType string
  lun int32
  readOnly bool
  targetWWNs []string atomic
  wwids []string atomic
type FileKeySelector atomic
  key! string
  optional bool
  path! string
  volumeName! string
type FlexPersistentVolumeSource
  driver! string
  fsType string
  options map[string]
  readOnly bool
  secretRef SecretReference
type FlexVolumeSource
  driver! string
  fsType string
  options map[string]
  readOnly bool
  secretRef LocalObjectReference
type FlockerVolumeSource
  datasetName string
  datasetUUID string
type GCEPersistentDiskVolumeSource
  fsType string
  partition int32
  pdName! string
  readOnly bool
type GRPCAction
  port! int32
  service string
type GitRepoVolumeSource
  directory string
  repository! string
  revision string
type GlusterfsPersistentVolumeSource
  endpoints! string
  endpointsNamespace string
  path! string
  readOnly bool
type GlusterfsVolumeSource
  endpoints! string
  path! string
  readOnly bool
type HTTPGetAction
  host string
  httpHeaders []HTTPHeader atomic
  path string
  port! intstr
  scheme string
type HTTPHeader
  name! string
  value! string
type HostAlias
  hostnames []string atomic
  ip! string
type HostIP
  ip! string
type HostPathVolumeSource
  path! string
  type string
type ISCSIPersistentVolumeSource
  chapAuthDiscovery bool
  chapAuthSession bool
  fsType string
  initiatorName string
  iqn! string
  iscsiInterface string
  lun! int32
  portals []string atomic
  readOnly bool
  secretRef SecretReference
  targetPortal! string
type ISCSIVolumeSource
  chapAuthDiscovery bool
  chapAuthSession bool
  fsType string
  initiatorName string
  iqn! string
  iscsiInterface string
  lun! int32
  portals []string atomic
  readOnly bool
  secretRef LocalObjectReference
  targetPortal! string
type ImageVolumeSource
  pullPolicy string
  reference string
type ImageVolumeStatus
  imageRef! string
type KeyToPath
  key! string
  mode int32
  path! string
type Lifecycle
  postStart LifecycleHandler
  preStop LifecycleHandler
  stopSignal string
type LifecycleHandler
  exec ExecAction
  httpGet HTTPGetAction
  sleep SleepAction
  tcpSocket TCPSocketAction
type LimitRange kind=v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec LimitRangeSpec
type LimitRangeItem
  default map[quantity]
  defaultRequest map[quantity]
  max map[quantity]
  maxLimitRequestRatio map[quantity]
  min map[quantity]
  type! string
type LimitRangeList kind=v1
  apiVersion string
  items! []LimitRange
  kind string
  metadata meta/v1.ListMeta
type LimitRangeSpec
  limits! []LimitRangeItem atomic
type LinuxContainerUser
  gid! int64
  supplementalGroups []int64 atomic
  uid! int64
type LoadBalancerIngress
  hostname string
  ip string
  ipMode string
  ports []PortStatus atomic
type LoadBalancerStatus
  ingress []LoadBalancerIngress atomic
type LocalObjectReference atomic
  name string
type LocalVolumeSource
  fsType string
  path! string
type ModifyVolumeStatus
  status! string
  targetVolumeAttributesClassName string
type NFSVolumeSource
  path! string
  readOnly bool
  server! string
type Namespace kind=v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec NamespaceSpec
  status NamespaceStatus
type NamespaceCondition
  lastTransitionTime time
  message string
  reason string
  status! string
  type! string
type NamespaceList kind=v1
  apiVersion string
  items! []Namespace
  kind string
  metadata meta/v1.ListMeta
type NamespaceSpec
  finalizers []string atomic
type NamespaceStatus
  conditions []NamespaceCondition map(type) patch=merge(type)
  phase string
type Node kind=v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec NodeSpec
  status NodeStatus
type NodeAddress
  address! string
  type! string
type NodeAffinity
  preferredDuringSchedulingIgnoredDuringExecution []PreferredSchedulingTerm atomic
  requiredDuringSchedulingIgnoredDuringExecution NodeSelector
type NodeAllocatableResourceClaimStatus
  containers []string set
  resourceClaimName! string
  resources! map[quantity]
type NodeCondition
  lastHeartbeatTime time
  lastTransitionTime time
  message string
  reason string
  status! string
  type! string
type NodeConfigSource
  configMap ConfigMapNodeConfigSource
type NodeConfigStatus
  active NodeConfigSource
  assigned NodeConfigSource
  error string
  lastKnownGood NodeConfigSource
type NodeDaemonEndpoints
  kubeletEndpoint DaemonEndpoint
type NodeFeatures
  supplementalGroupsPolicy bool
type NodeList kind=v1
  apiVersion string
  items! []Node
  kind string
  metadata meta/v1.ListMeta
type NodeRuntimeHandler
  features NodeRuntimeHandlerFeatures
  name string
type NodeRuntimeHandlerFeatures
  recursiveReadOnlyMounts bool
  userNamespaces bool
type NodeSelector atomic
  nodeSelectorTerms! []NodeSelectorTerm atomic
type NodeSelectorRequirement
  key! string
  operator! string
  values []string atomic
type NodeSelectorTerm atomic
  matchExpressions []NodeSelectorRequirement atomic
  matchFields []NodeSelectorRequirement atomic
type NodeSpec
  configSource NodeConfigSource
  externalID string
  podCIDR string
  podCIDRs []string set patch=merge
  providerID string
  taints []Taint atomic
  unschedulable bool
type NodeStatus
  addresses []NodeAddress map(type) patch=merge(type)
  allocatable map[quantity]
  capacity map[quantity]
  conditions []NodeCondition map(type) patch=merge(type)
  config NodeConfigStatus
  daemonEndpoints NodeDaemonEndpoints
  declaredFeatures []string atomic
  features NodeFeatures
  images []ContainerImage atomic
  nodeInfo NodeSystemInfo
  phase string
  runtimeHandlers []NodeRuntimeHandler atomic
  volumesAttached []AttachedVolume atomic
  volumesInUse []string atomic
type NodeSwapStatus
  capacity int64
type NodeSystemInfo
  architecture! string
  bootID! string
  containerRuntimeVersion! string
  kernelVersion! string
  kubeProxyVersion! string
  kubeletVersion! string
  machineID! string
  operatingSystem! string
  osImage! string
  swap NodeSwapStatus
  systemUUID! string
type ObjectFieldSelector atomic
  apiVersion string
  fieldPath! string
type ObjectReference atomic
  apiVersion string
  fieldPath string
  kind string
  name string
  namespace string
  resourceVersion string
  uid string
type PersistentVolume kind=v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec PersistentVolumeSpec
  status PersistentVolumeStatus
type PersistentVolumeClaim kind=v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec PersistentVolumeClaimSpec
  status PersistentVolumeClaimStatus
type PersistentVolumeClaimCondition
  lastProbeTime time
  lastTransitionTime time
  message string
  reason string
  status! string
  type! string
type PersistentVolumeClaimList kind=v1
  apiVersion string
  items! []PersistentVolumeClaim
  kind string
  metadata meta/v1.ListMeta
type PersistentVolumeClaimSpec
  accessModes []string atomic
  dataSource TypedLocalObjectReference
  dataSourceRef TypedObjectReference
  resources VolumeResourceRequirements
  selector meta/v1.LabelSelector
  storageClassName string
  volumeAttributesClassName string
  volumeMode string
  volumeName string
type PersistentVolumeClaimStatus
  accessModes []string atomic
  allocatedResourceStatuses map[string] granular
  allocatedResources map[quantity]
  capacity map[quantity]
  conditions []PersistentVolumeClaimCondition map(type) patch=merge(type)
  currentVolumeAttributesClassName string
  modifyVolumeStatus ModifyVolumeStatus
  phase string
type PersistentVolumeClaimTemplate
  metadata meta/v1.ObjectMeta
  spec! PersistentVolumeClaimSpec
type PersistentVolumeClaimVolumeSource
  claimName! string
  readOnly bool
type PersistentVolumeList kind=v1
  apiVersion string
  items! []PersistentVolume
  kind string
  metadata meta/v1.ListMeta
type PersistentVolumeSpec
  accessModes []string atomic
  awsElasticBlockStore AWSElasticBlockStoreVolumeSource
  azureDisk AzureDiskVolumeSource
  azureFile AzureFilePersistentVolumeSource
  capacity map[quantity]
  cephfs CephFSPersistentVolumeSource
  cinder CinderPersistentVolumeSource
  claimRef ObjectReference granular
  csi CSIPersistentVolumeSource
  fc FCVolumeSource
  flexVolume FlexPersistentVolumeSource
  flocker FlockerVolumeSource
  gcePersistentDisk GCEPersistentDiskVolumeSource
  glusterfs GlusterfsPersistentVolumeSource
  hostPath HostPathVolumeSource
  iscsi ISCSIPersistentVolumeSource
  local LocalVolumeSource
  mountOptions []string atomic
  nfs NFSVolumeSource
  nodeAffinity VolumeNodeAffinity
  persistentVolumeReclaimPolicy string
  photonPersistentDisk PhotonPersistentDiskVolumeSource
  portworxVolume PortworxVolumeSource
  quobyte QuobyteVolumeSource
  rbd RBDPersistentVolumeSource
  scaleIO ScaleIOPersistentVolumeSource
  storageClassName string
  storageos StorageOSPersistentVolumeSource
  volumeAttributesClassName string
  volumeMode string
  vsphereVolume VsphereVirtualDiskVolumeSource
type PersistentVolumeStatus
  lastPhaseTransitionTime time
  message string
  phase string
  reason string
type PhotonPersistentDiskVolumeSource
  fsType string
  pdID! string
type Pod kind=v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec PodSpec
  status PodStatus
type PodAffinity
  preferredDuringSchedulingIgnoredDuringExecution []WeightedPodAffinityTerm atomic
  requiredDuringSchedulingIgnoredDuringExecution []PodAffinityTerm atomic
type PodAffinityTerm
  labelSelector meta/v1.LabelSelector
  matchLabelKeys []string atomic
  mismatchLabelKeys []string atomic
  namespaceSelector meta/v1.LabelSelector
  namespaces []string atomic
  topologyKey! string
type PodAntiAffinity
  preferredDuringSchedulingIgnoredDuringExecution []WeightedPodAffinityTerm atomic
  requiredDuringSchedulingIgnoredDuringExecution []PodAffinityTerm atomic
type PodCertificateProjection
  certificateChainPath string
  credentialBundlePath string
  keyPath string
  keyType! string
  maxExpirationSeconds int32
  signerName! string
  userAnnotations map[string]
type PodCondition
  lastProbeTime time
  lastTransitionTime time
  message string
  observedGeneration int64
  reason string
  status! string
  type! string
type PodDNSConfig
  nameservers []string atomic
  options []PodDNSConfigOption atomic
  searches []string atomic
type PodDNSConfigOption
  name string
  value string
type PodExtendedResourceClaimStatus
  requestMappings! []ContainerExtendedResourceRequest atomic
  resourceClaimName! string
type PodIP
  ip! string
type PodList kind=v1
  apiVersion string
  items! []Pod
  kind string
  metadata meta/v1.ListMeta
type PodOS
  name! string
type PodReadinessGate
  conditionType! string
type PodResourceClaim
  name! string
  resourceClaimName string
  resourceClaimTemplateName string
type PodResourceClaimStatus
  name! string
  resourceClaimName string
type PodSchedulingGate
  name! string
type PodSchedulingGroup
  podGroupName string
type PodSecurityContext
  appArmorProfile AppArmorProfile
  fsGroup int64
  fsGroupChangePolicy string
  runAsGroup int64
  runAsNonRoot bool
  runAsUser int64
  seLinuxChangePolicy string
  seLinuxOptions SELinuxOptions
  seccompProfile SeccompProfile
  supplementalGroups []int64 atomic
  supplementalGroupsPolicy string
  sysctls []Sysctl atomic
  windowsOptions WindowsSecurityContextOptions
type PodSpec
  activeDeadlineSeconds int64
  affinity Affinity
  automountServiceAccountToken bool
  containers! []Container map(name) patch=merge(name)
  dnsConfig PodDNSConfig
  dnsPolicy string
  enableServiceLinks bool
  ephemeralContainers []EphemeralContainer map(name) patch=merge(name)
  hostAliases []HostAlias map(ip) patch=merge(ip)
  hostIPC bool
  hostNetwork bool
  hostPID bool
  hostUsers bool
  hostname string
  hostnameOverride string
  imagePullSecrets []LocalObjectReference map(name) patch=merge(name)
  initContainers []Container map(name) patch=merge(name)
  nodeName string
  nodeSelector map[string] atomic
  os PodOS
  overhead map[quantity]
  preemptionPolicy string
  priority int32
  priorityClassName string
  readinessGates []PodReadinessGate atomic
  resourceClaims []PodResourceClaim map(name) patch=merge,retainKeys(name)
  resources ResourceRequirements
  restartPolicy string
  runtimeClassName string
  schedulerName string
  schedulingGates []PodSchedulingGate map(name) patch=merge(name)
  schedulingGroup PodSchedulingGroup
  securityContext PodSecurityContext
  serviceAccount string
  serviceAccountName string
  setHostnameAsFQDN bool
  shareProcessNamespace bool
  subdomain string
  terminationGracePeriodSeconds int64
  tolerations []Toleration atomic
  topologySpreadConstraints []TopologySpreadConstraint map(topologyKey,whenUnsatisfiable) patch=merge(topologyKey)
  volumes []Volume map(name) patch=merge,retainKeys(name)
type PodStatus
  allocatedResources map[quantity]
  conditions []PodCondition map(type) patch=merge(type)
  containerStatuses []ContainerStatus atomic
  ephemeralContainerStatuses []ContainerStatus atomic
  extendedResourceClaimStatus PodExtendedResourceClaimStatus
  hostIP string
  hostIPs []HostIP atomic patch=merge(ip)
  initContainerStatuses []ContainerStatus atomic
  message string
  nodeAllocatableResourceClaimStatuses []NodeAllocatableResourceClaimStatus atomic
  nominatedNodeName string
  observedGeneration int64
  phase string
  podIP string
  podIPs []PodIP map(ip) patch=merge(ip)
  qosClass string
  reason string
  resize string
  resourceClaimStatuses []PodResourceClaimStatus map(name) patch=merge,retainKeys(name)
  resources ResourceRequirements
  startTime time
type PodTemplate kind=v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  template PodTemplateSpec
type PodTemplateList kind=v1
  apiVersion string
  items! []PodTemplate
  kind string
  metadata meta/v1.ListMeta
type PodTemplateSpec
  metadata meta/v1.ObjectMeta
  spec PodSpec
type PortStatus
  error string
  port! int32
  protocol! string
type PortworxVolumeSource
  fsType string
  readOnly bool
  volumeID! string
type PreferredSchedulingTerm
  preference! NodeSelectorTerm
  weight! int32
type Probe
  exec ExecAction
  failureThreshold int32
  grpc GRPCAction
  httpGet HTTPGetAction
  initialDelaySeconds int32
  periodSeconds int32
  successThreshold int32
  tcpSocket TCPSocketAction
  terminationGracePeriodSeconds int64
  timeoutSeconds int32
type ProjectedVolumeSource
  defaultMode int32
  sources []VolumeProjection atomic
type QuobyteVolumeSource
  group string
  readOnly bool
  registry! string
  tenant string
  user string
  volume! string
type RBDPersistentVolumeSource
  fsType string
  image! string
  keyring string
  monitors! []string atomic
  pool string
  readOnly bool
  secretRef SecretReference
  user string
type RBDVolumeSource
  fsType string
  image! string
  keyring string
  monitors! []string atomic
  pool string
  readOnly bool
  secretRef LocalObjectReference
  user string
type ReplicationController kind=v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec ReplicationControllerSpec
  status ReplicationControllerStatus
type ReplicationControllerCondition
  lastTransitionTime time
  message string
  reason string
  status! string
  type! string
type ReplicationControllerList kind=v1
  apiVersion string
  items! []ReplicationController
  kind string
  metadata meta/v1.ListMeta
type ReplicationControllerSpec
  minReadySeconds int32
  replicas int32
  selector map[string] atomic
  template PodTemplateSpec
type ReplicationControllerStatus
  availableReplicas int32
  conditions []ReplicationControllerCondition map(type) patch=merge(type)
  fullyLabeledReplicas int32
  observedGeneration int64
  readyReplicas int32
  replicas! int32
type ResourceClaim
  name! string
  request string
type ResourceFieldSelector atomic
  containerName string
  divisor quantity
  resource! string
type ResourceHealth
  health string
  message string
  resourceID! string
type ResourceQuota kind=v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec ResourceQuotaSpec
  status ResourceQuotaStatus
type ResourceQuotaList kind=v1
  apiVersion string
  items! []ResourceQuota
  kind string
  metadata meta/v1.ListMeta
type ResourceQuotaSpec
  hard map[quantity]
  scopeSelector ScopeSelector
  scopes []string atomic
type ResourceQuotaStatus
  hard map[quantity]
  used map[quantity]
type ResourceRequirements
  claims []ResourceClaim map(name)
  limits map[quantity]
  requests map[quantity]
type ResourceStatus
  name! string
  resources []ResourceHealth map(resourceID)
type SELinuxOptions
  level string
  role string
  type string
  user string
type ScaleIOPersistentVolumeSource
  fsType string
  gateway! string
  protectionDomain string
  readOnly bool
  secretRef! SecretReference
  sslEnabled bool
  storageMode string
  storagePool string
  system! string
  volumeName string
type ScaleIOVolumeSource
  fsType string
  gateway! string
  protectionDomain string
  readOnly bool
  secretRef! LocalObjectReference
  sslEnabled bool
  storageMode string
  storagePool string
  system! string
  volumeName string
type ScopeSelector atomic
  matchExpressions []ScopedResourceSelectorRequirement atomic
type ScopedResourceSelectorRequirement
  operator! string
  scopeName! string
  values []string atomic
type SeccompProfile
  localhostProfile string
  type! string
type Secret kind=v1
  apiVersion string
  data map[bytes]
  immutable bool
  kind string
  metadata meta/v1.ObjectMeta
  stringData map[string]
  type string
type SecretEnvSource
  name string
  optional bool
type SecretKeySelector atomic
  key! string
  name string
  optional bool
type SecretList kind=v1
  apiVersion string
  items! []Secret
  kind string
  metadata meta/v1.ListMeta
type SecretProjection
  items []KeyToPath atomic
  name string
  optional bool
type SecretReference atomic
  name string
  namespace string
type SecretVolumeSource
  defaultMode int32
  items []KeyToPath atomic
  optional bool
  secretName string
type SecurityContext
  allowPrivilegeEscalation bool
  appArmorProfile AppArmorProfile
  capabilities Capabilities
  privileged bool
  procMount string
  readOnlyRootFilesystem bool
  runAsGroup int64
  runAsNonRoot bool
  runAsUser int64
  seLinuxOptions SELinuxOptions
  seccompProfile SeccompProfile
  windowsOptions WindowsSecurityContextOptions
type Service kind=v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec ServiceSpec
  status ServiceStatus
type ServiceAccount kind=v1
  apiVersion string
  automountServiceAccountToken bool
  imagePullSecrets []LocalObjectReference atomic
  kind string
  metadata meta/v1.ObjectMeta
  secrets []ObjectReference map(name) patch=merge(name)
type ServiceAccountList kind=v1
  apiVersion string
  items! []ServiceAccount
  kind string
  metadata meta/v1.ListMeta
type ServiceAccountTokenProjection
  audience string
  expirationSeconds int64
  path! string
type ServiceList kind=v1
  apiVersion string
  items! []Service
  kind string
  metadata meta/v1.ListMeta
type ServicePort
  appProtocol string
  name string
  nodePort int32
  port! int32
  protocol string
  targetPort intstr
type ServiceSpec
  allocateLoadBalancerNodePorts bool
  clusterIP string
  clusterIPs []string atomic
  externalIPs []string atomic
  externalName string
  externalTrafficPolicy string
  healthCheckNodePort int32
  internalTrafficPolicy string
  ipFamilies []string atomic
  ipFamilyPolicy string
  loadBalancerClass string
  loadBalancerIP string
  loadBalancerSourceRanges []string atomic
  ports []ServicePort map(port,protocol) patch=merge(port)
  publishNotReadyAddresses bool
  selector map[string] atomic
  sessionAffinity string
  sessionAffinityConfig SessionAffinityConfig
  trafficDistribution string
  type string
type ServiceStatus
  conditions []meta/v1.Condition map(type) patch=merge(type)
  loadBalancer LoadBalancerStatus
type SessionAffinityConfig
  clientIP ClientIPConfig
type SleepAction
  seconds! int64
type StorageOSPersistentVolumeSource
  fsType string
  readOnly bool
  secretRef ObjectReference
  volumeName string
  volumeNamespace string
type StorageOSVolumeSource
  fsType string
  readOnly bool
  secretRef LocalObjectReference
  volumeName string
  volumeNamespace string
type Sysctl
  name! string
  value! string
type TCPSocketAction
  host string
  port! intstr
type Taint
  effect! string
  key! string
  timeAdded time
  value string
type Toleration
  effect string
  key string
  operator string
  tolerationSeconds int64
  value string
type TopologySelectorLabelRequirement
  key! string
  values! []string atomic
type TopologySelectorTerm atomic
  matchLabelExpressions []TopologySelectorLabelRequirement atomic
type TopologySpreadConstraint
  labelSelector meta/v1.LabelSelector
  matchLabelKeys []string atomic
  maxSkew! int32
  minDomains int32
  nodeAffinityPolicy string
  nodeTaintsPolicy string
  topologyKey! string
  whenUnsatisfiable! string
type TypedLocalObjectReference atomic
  apiGroup string
  kind! string
  name! string
type TypedObjectReference
  apiGroup string
  kind! string
  name! string
  namespace string
type Volume
  awsElasticBlockStore AWSElasticBlockStoreVolumeSource
  azureDisk AzureDiskVolumeSource
  azureFile AzureFileVolumeSource
  cephfs CephFSVolumeSource
  cinder CinderVolumeSource
  configMap ConfigMapVolumeSource
  csi CSIVolumeSource
  downwardAPI DownwardAPIVolumeSource
  emptyDir EmptyDirVolumeSource
  ephemeral EphemeralVolumeSource
  fc FCVolumeSource
  flexVolume FlexVolumeSource
  flocker FlockerVolumeSource
  gcePersistentDisk GCEPersistentDiskVolumeSource
  gitRepo GitRepoVolumeSource
  glusterfs GlusterfsVolumeSource
  hostPath HostPathVolumeSource
  image ImageVolumeSource
  iscsi ISCSIVolumeSource
  name! string
  nfs NFSVolumeSource
  persistentVolumeClaim PersistentVolumeClaimVolumeSource
  photonPersistentDisk PhotonPersistentDiskVolumeSource
  portworxVolume PortworxVolumeSource
  projected ProjectedVolumeSource
  quobyte QuobyteVolumeSource
  rbd RBDVolumeSource
  scaleIO ScaleIOVolumeSource
  secret SecretVolumeSource
  storageos StorageOSVolumeSource
  vsphereVolume VsphereVirtualDiskVolumeSource
type VolumeDevice
  devicePath! string
  name! string
type VolumeMount
  mountPath! string
  mountPropagation string
  name! string
  readOnly bool
  recursiveReadOnly string
  subPath string
  subPathExpr string
type VolumeMountStatus
  mountPath! string
  name! string
  readOnly bool
  recursiveReadOnly string
  volumeStatus VolumeStatus
type VolumeNodeAffinity
  required NodeSelector
type VolumeProjection
  clusterTrustBundle ClusterTrustBundleProjection
  configMap ConfigMapProjection
  downwardAPI DownwardAPIProjection
  podCertificate PodCertificateProjection
  secret SecretProjection
  serviceAccountToken ServiceAccountTokenProjection
type VolumeResourceRequirements
  limits map[quantity]
  requests map[quantity]
type VolumeStatus
  image ImageVolumeStatus
type VsphereVirtualDiskVolumeSource
  fsType string
  storagePolicyID string
  storagePolicyName string
  volumePath! string
type WeightedPodAffinityTerm
  podAffinityTerm! PodAffinityTerm
  weight! int32
type WindowsSecurityContextOptions
  gmsaCredentialSpec string
  gmsaCredentialSpecName string
  hostProcess bool
  runAsUserName string

group io.k8s.api.discovery.v1 discovery/v1
type Endpoint
  addresses! []string set
  conditions EndpointConditions
  deprecatedTopology map[string]
  hints EndpointHints
  hostname string
  nodeName string
  targetRef core/v1.ObjectReference
  zone string
type EndpointConditions
  ready bool
  serving bool
  terminating bool
type EndpointHints
  forNodes []ForNode atomic
  forZones []ForZone atomic
type EndpointPort atomic
  appProtocol string
  name string
  port int32
  protocol string
type EndpointSlice kind=discovery.k8s.io/v1
  addressType! string
  apiVersion string
  endpoints []Endpoint atomic
  kind string
  metadata meta/v1.ObjectMeta
  ports []EndpointPort atomic
type EndpointSliceList kind=discovery.k8s.io/v1
  apiVersion string
  items! []EndpointSlice
  kind string
  metadata meta/v1.ListMeta
type ForNode
  name! string
type ForZone
  name! string

group io.k8s.api.events.v1 events/v1
type Event kind=events.k8s.io/v1
  action string
  apiVersion string
  deprecatedCount int32
  deprecatedFirstTimestamp time
  deprecatedLastTimestamp time
  deprecatedSource core/v1.EventSource
  eventTime! microtime
  kind string
  metadata meta/v1.ObjectMeta
  note string
  reason string
  regarding core/v1.ObjectReference
  related core/v1.ObjectReference
  reportingController string
  reportingInstance string
  series EventSeries
  type string
type EventList kind=events.k8s.io/v1
  apiVersion string
  items! []Event
  kind string
  metadata meta/v1.ListMeta
type EventSeries
  count! int32
  lastObservedTime! microtime

group io.k8s.api.flowcontrol.v1 flowcontrol/v1
type ExemptPriorityLevelConfiguration
  lendablePercent int32
  nominalConcurrencyShares int32
type FlowDistinguisherMethod
  type! string
type FlowSchema kind=flowcontrol.apiserver.k8s.io/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec FlowSchemaSpec
  status FlowSchemaStatus
type FlowSchemaCondition
  lastTransitionTime time
  message string
  reason string
  status string
  type string
type FlowSchemaList kind=flowcontrol.apiserver.k8s.io/v1
  apiVersion string
  items! []FlowSchema
  kind string
  metadata meta/v1.ListMeta
type FlowSchemaSpec
  distinguisherMethod FlowDistinguisherMethod
  matchingPrecedence int32
  priorityLevelConfiguration! PriorityLevelConfigurationReference
  rules []PolicyRulesWithSubjects atomic
type FlowSchemaStatus
  conditions []FlowSchemaCondition map(type) patch=merge(type)
type GroupSubject
  name! string
type LimitResponse
  queuing QueuingConfiguration
  type! string
type LimitedPriorityLevelConfiguration
  borrowingLimitPercent int32
  lendablePercent int32
  limitResponse LimitResponse
  nominalConcurrencyShares int32
type NonResourcePolicyRule
  nonResourceURLs! []string set
  verbs! []string set
type PolicyRulesWithSubjects
  nonResourceRules []NonResourcePolicyRule atomic
  resourceRules []ResourcePolicyRule atomic
  subjects! []Subject atomic
type PriorityLevelConfiguration kind=flowcontrol.apiserver.k8s.io/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec PriorityLevelConfigurationSpec
  status PriorityLevelConfigurationStatus
type PriorityLevelConfigurationCondition
  lastTransitionTime time
  message string
  reason string
  status string
  type string
type PriorityLevelConfigurationList kind=flowcontrol.apiserver.k8s.io/v1
  apiVersion string
  items! []PriorityLevelConfiguration
  kind string
  metadata meta/v1.ListMeta
type PriorityLevelConfigurationReference
  name! string
type PriorityLevelConfigurationSpec
  exempt ExemptPriorityLevelConfiguration
  limited LimitedPriorityLevelConfiguration
  type! string
type PriorityLevelConfigurationStatus
  conditions []PriorityLevelConfigurationCondition map(type) patch=merge(type)
type QueuingConfiguration
  handSize int32
  queueLengthLimit int32
  queues int32
type ResourcePolicyRule
  apiGroups! []string set
  clusterScope bool
  namespaces []string set
  resources! []string set
  verbs! []string set
type ServiceAccountSubject
  name! string
  namespace! string
type Subject
  group GroupSubject
  kind! string
  serviceAccount ServiceAccountSubject
  user UserSubject
type UserSubject
  name! string

group io.k8s.api.networking.v1 networking/v1
type HTTPIngressPath
  backend! IngressBackend
  path string
  pathType! string
type HTTPIngressRuleValue
  paths! []HTTPIngressPath atomic
type IPAddress kind=networking.k8s.io/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec! IPAddressSpec
type IPAddressList kind=networking.k8s.io/v1
  apiVersion string
  items! []IPAddress
  kind string
  metadata meta/v1.ListMeta
type IPAddressSpec
  parentRef! ParentReference
type IPBlock
  cidr! string
  except []string atomic
type Ingress kind=networking.k8s.io/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec IngressSpec
  status IngressStatus
type IngressBackend
  resource core/v1.TypedLocalObjectReference
  service IngressServiceBackend
type IngressClass kind=networking.k8s.io/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec IngressClassSpec
type IngressClassList kind=networking.k8s.io/v1
  apiVersion string
  items! []IngressClass
  kind string
  metadata meta/v1.ListMeta
type IngressClassParametersReference
  apiGroup string
  kind! string
  name! string
  namespace string
  scope string
type IngressClassSpec
  controller string
  parameters IngressClassParametersReference
type IngressList kind=networking.k8s.io/v1
  apiVersion string
  items! []Ingress
  kind string
  metadata meta/v1.ListMeta
type IngressLoadBalancerIngress
  hostname string
  ip string
  ports []IngressPortStatus atomic
type IngressLoadBalancerStatus
  ingress []IngressLoadBalancerIngress atomic
type IngressPortStatus
  error string
  port! int32
  protocol! string
type IngressRule
  host string
  http HTTPIngressRuleValue
type IngressServiceBackend
  name! string
  port ServiceBackendPort
type IngressSpec
  defaultBackend IngressBackend
  ingressClassName string
  rules []IngressRule atomic
  tls []IngressTLS atomic
type IngressStatus
  loadBalancer IngressLoadBalancerStatus
type IngressTLS
  hosts []string atomic
  secretName string
type NetworkPolicy kind=networking.k8s.io/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec NetworkPolicySpec
type NetworkPolicyEgressRule
  ports []NetworkPolicyPort atomic
  to []NetworkPolicyPeer atomic
type NetworkPolicyIngressRule
  from []NetworkPolicyPeer atomic
  ports []NetworkPolicyPort atomic
type NetworkPolicyList kind=networking.k8s.io/v1
  apiVersion string
  items! []NetworkPolicy
  kind string
  metadata meta/v1.ListMeta
type NetworkPolicyPeer
  ipBlock IPBlock
  namespaceSelector meta/v1.LabelSelector
  podSelector meta/v1.LabelSelector
type NetworkPolicyPort
  endPort int32
  port intstr
  protocol string
type NetworkPolicySpec
  egress []NetworkPolicyEgressRule atomic
  ingress []NetworkPolicyIngressRule atomic
  podSelector meta/v1.LabelSelector
  policyTypes []string atomic
type ParentReference
  group string
  name! string
  namespace string
  resource! string
type ServiceBackendPort atomic
  name string
  number int32
type ServiceCIDR kind=networking.k8s.io/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec ServiceCIDRSpec
  status ServiceCIDRStatus
type ServiceCIDRList kind=networking.k8s.io/v1
  apiVersion string
  items! []ServiceCIDR
  kind string
  metadata meta/v1.ListMeta
type ServiceCIDRSpec
  cidrs []string atomic
type ServiceCIDRStatus
  conditions []meta/v1.Condition map(type) patch=merge(type)

group io.k8s.api.node.v1 node/v1
type Overhead
  podFixed map[quantity]
type RuntimeClass kind=node.k8s.io/v1
  apiVersion string
  handler! string
  kind string
  metadata meta/v1.ObjectMeta
  overhead Overhead
  scheduling Scheduling
type RuntimeClassList kind=node.k8s.io/v1
  apiVersion string
  items! []RuntimeClass
  kind string
  metadata meta/v1.ListMeta
type Scheduling
  nodeSelector map[string] atomic
  tolerations []core/v1.Toleration atomic

group io.k8s.api.policy.v1 policy/v1
type Eviction kind=policy/v1
  apiVersion string
  deleteOptions meta/v1.DeleteOptions
  kind string
  metadata meta/v1.ObjectMeta
type PodDisruptionBudget kind=policy/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec PodDisruptionBudgetSpec
  status PodDisruptionBudgetStatus
type PodDisruptionBudgetList kind=policy/v1
  apiVersion string
  items! []PodDisruptionBudget
  kind string
  metadata meta/v1.ListMeta
type PodDisruptionBudgetSpec
  maxUnavailable intstr
  minAvailable intstr
  selector meta/v1.LabelSelector patch=replace
  unhealthyPodEvictionPolicy string
type PodDisruptionBudgetStatus
  conditions []meta/v1.Condition map(type) patch=merge(type)
  currentHealthy int32
  desiredHealthy int32
  disruptedPods map[time]
  disruptionsAllowed int32
  expectedPods int32
  observedGeneration int64

group io.k8s.api.rbac.v1 rbac/v1
type AggregationRule
  clusterRoleSelectors []meta/v1.LabelSelector atomic
type ClusterRole kind=rbac.authorization.k8s.io/v1
  aggregationRule AggregationRule
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  rules []PolicyRule atomic
type ClusterRoleBinding kind=rbac.authorization.k8s.io/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  roleRef! RoleRef
  subjects []Subject atomic
type ClusterRoleBindingList kind=rbac.authorization.k8s.io/v1
  apiVersion string
  items! []ClusterRoleBinding
  kind string
  metadata meta/v1.ListMeta
type ClusterRoleList kind=rbac.authorization.k8s.io/v1
  apiVersion string
  items! []ClusterRole
  kind string
  metadata meta/v1.ListMeta
type PolicyRule
  apiGroups []string atomic
  nonResourceURLs []string atomic
  resourceNames []string atomic
  resources []string atomic
  verbs! []string atomic
type Role kind=rbac.authorization.k8s.io/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  rules []PolicyRule atomic
type RoleBinding kind=rbac.authorization.k8s.io/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  roleRef! RoleRef
  subjects []Subject atomic
type RoleBindingList kind=rbac.authorization.k8s.io/v1
  apiVersion string
  items! []RoleBinding
  kind string
  metadata meta/v1.ListMeta
type RoleList kind=rbac.authorization.k8s.io/v1
  apiVersion string
  items! []Role
  kind string
  metadata meta/v1.ListMeta
type RoleRef atomic
  apiGroup string
  kind! string
  name! string
type Subject atomic
  apiGroup string
  kind! string
  name! string
  namespace string

group io.k8s.api.resource.v1 resource/v1
type AllocatedDeviceStatus
  conditions []meta/v1.Condition map(type)
  data object
  device! string
  driver! string
  networkData NetworkDeviceData
  pool! string
  shareID string
type AllocationResult
  allocationTimestamp time
  devices DeviceAllocationResult
  nodeSelector core/v1.NodeSelector
type CELDeviceSelector
  expression! string
type CapacityRequestPolicy
  default quantity
  validRange CapacityRequestPolicyRange
  validValues []quantity atomic
type CapacityRequestPolicyRange
  max quantity
  min! quantity
  step quantity
type CapacityRequirements
  requests map[quantity]
type Counter
  value! quantity
type CounterSet
  counters! map[Counter]
  name! string
type Device
  allNodes bool
  allowMultipleAllocations bool
  attributes map[DeviceAttribute]
  bindingConditions []string atomic
  bindingFailureConditions []string atomic
  bindsToNode bool
  capacity map[DeviceCapacity]
  consumesCounters []DeviceCounterConsumption atomic
  name! string
  nodeAllocatableResourceMappings map[NodeAllocatableResourceMapping]
  nodeName string
  nodeSelector core/v1.NodeSelector
  taints []DeviceTaint atomic
type DeviceAllocationConfiguration
  opaque OpaqueDeviceConfiguration
  requests []string atomic
  source! string
type DeviceAllocationResult
  config []DeviceAllocationConfiguration atomic
  results []DeviceRequestAllocationResult atomic
type DeviceAttribute
  bool bool
  bools []bool atomic
  int int64
  ints []int64 atomic
  string string
  strings []string atomic
  version string
  versions []string atomic
type DeviceCapacity
  requestPolicy CapacityRequestPolicy
  value! quantity
type DeviceClaim
  config []DeviceClaimConfiguration atomic
  constraints []DeviceConstraint atomic
  requests []DeviceRequest atomic
type DeviceClaimConfiguration
  opaque OpaqueDeviceConfiguration
  requests []string atomic
type DeviceClass kind=resource.k8s.io/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec! DeviceClassSpec
type DeviceClassConfiguration
  opaque OpaqueDeviceConfiguration
type DeviceClassList kind=resource.k8s.io/v1
  apiVersion string
  items! []DeviceClass
  kind string
  metadata meta/v1.ListMeta
type DeviceClassSpec
  config []DeviceClassConfiguration atomic
  extendedResourceName string
  selectors []DeviceSelector atomic
type DeviceConstraint
  distinctAttribute string
  matchAttribute string
  requests []string atomic
type DeviceCounterConsumption
  counterSet! string
  counters! map[Counter]
type DeviceRequest
  exactly ExactDeviceRequest
  firstAvailable []DeviceSubRequest atomic
  name! string
type DeviceRequestAllocationResult
  adminAccess bool
  bindingConditions []string atomic
  bindingFailureConditions []string atomic
  consumedCapacity map[quantity]
  device! string
  driver! string
  pool! string
  request! string
  shareID string
  tolerations []DeviceToleration atomic
type DeviceSelector
  cel CELDeviceSelector
type DeviceSubRequest
  allocationMode string
  capacity CapacityRequirements
  count int64
  deviceClassName! string
  name! string
  selectors []DeviceSelector atomic
  tolerations []DeviceToleration atomic
type DeviceTaint
  effect! string
  key! string
  timeAdded time
  value string
type DeviceToleration
  effect string
  key string
  operator string
  tolerationSeconds int64
  value string
type ExactDeviceRequest
  adminAccess bool
  allocationMode string
  capacity CapacityRequirements
  count int64
  deviceClassName! string
  selectors []DeviceSelector atomic
  tolerations []DeviceToleration atomic
type NetworkDeviceData
  hardwareAddress string
  interfaceName string
  ips []string atomic
type NodeAllocatableResourceMapping
  allocationMultiplier quantity
  capacityKey string
type OpaqueDeviceConfiguration
  driver! string
  parameters! object
type ResourceClaim kind=resource.k8s.io/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec! ResourceClaimSpec
  status ResourceClaimStatus
type ResourceClaimConsumerReference
  apiGroup string
  name! string
  resource! string
  uid! string
type ResourceClaimList kind=resource.k8s.io/v1
  apiVersion string
  items! []ResourceClaim
  kind string
  metadata meta/v1.ListMeta
type ResourceClaimSpec
  devices DeviceClaim
type ResourceClaimStatus
  allocation AllocationResult
  devices []AllocatedDeviceStatus map(driver,device,pool,shareID)
  reservedFor []ResourceClaimConsumerReference map(uid) patch=merge(uid)
type ResourceClaimTemplate kind=resource.k8s.io/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec! ResourceClaimTemplateSpec
type ResourceClaimTemplateList kind=resource.k8s.io/v1
  apiVersion string
  items! []ResourceClaimTemplate
  kind string
  metadata meta/v1.ListMeta
type ResourceClaimTemplateSpec
  metadata meta/v1.ObjectMeta
  spec! ResourceClaimSpec
type ResourcePool
  generation! int64
  name! string
  resourceSliceCount! int64
type ResourceSlice kind=resource.k8s.io/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec! ResourceSliceSpec
type ResourceSliceList kind=resource.k8s.io/v1
  apiVersion string
  items! []ResourceSlice
  kind string
  metadata meta/v1.ListMeta
type ResourceSliceSpec
  allNodes bool
  devices []Device atomic
  driver! string
  nodeName string
  nodeSelector core/v1.NodeSelector
  perDeviceNodeSelection bool
  pool! ResourcePool
  sharedCounters []CounterSet atomic

group io.k8s.api.scheduling.v1 scheduling/v1
type PriorityClass kind=scheduling.k8s.io/v1
  apiVersion string
  description string
  globalDefault bool
  kind string
  metadata meta/v1.ObjectMeta
  preemptionPolicy string
  value int32
type PriorityClassList kind=scheduling.k8s.io/v1
  apiVersion string
  items! []PriorityClass
  kind string
  metadata meta/v1.ListMeta

group io.k8s.api.storage.v1 storage/v1
type CSIDriver kind=storage.k8s.io/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec! CSIDriverSpec
type CSIDriverList kind=storage.k8s.io/v1
  apiVersion string
  items! []CSIDriver
  kind string
  metadata meta/v1.ListMeta
type CSIDriverSpec
  attachRequired bool
  fsGroupPolicy string
  nodeAllocatableUpdatePeriodSeconds int64
  podInfoOnMount bool
  preventPodSchedulingIfMissing bool
  requiresRepublish bool
  seLinuxMount bool
  serviceAccountTokenInSecrets bool
  storageCapacity bool
  tokenRequests []TokenRequest atomic
  volumeLifecycleModes []string set
type CSINode kind=storage.k8s.io/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec! CSINodeSpec
type CSINodeDriver
  allocatable VolumeNodeResources
  name! string
  nodeID! string
  topologyKeys []string atomic
type CSINodeList kind=storage.k8s.io/v1
  apiVersion string
  items! []CSINode
  kind string
  metadata meta/v1.ListMeta
type CSINodeSpec
  drivers! []CSINodeDriver map(name) patch=merge(name)
type CSIStorageCapacity kind=storage.k8s.io/v1
  apiVersion string
  capacity quantity
  kind string
  maximumVolumeSize quantity
  metadata meta/v1.ObjectMeta
  nodeTopology meta/v1.LabelSelector
  storageClassName! string
type CSIStorageCapacityList kind=storage.k8s.io/v1
  apiVersion string
  items! []CSIStorageCapacity
  kind string
  metadata meta/v1.ListMeta
type StorageClass kind=storage.k8s.io/v1
  allowVolumeExpansion bool
  allowedTopologies []core/v1.TopologySelectorTerm atomic
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  mountOptions []string atomic
  parameters map[string]
  provisioner! string
  reclaimPolicy string
  volumeBindingMode string
type StorageClassList kind=storage.k8s.io/v1
  apiVersion string
  items! []StorageClass
  kind string
  metadata meta/v1.ListMeta
type TokenRequest
  audience! string
  expirationSeconds int64
type VolumeAttachment kind=storage.k8s.io/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec! VolumeAttachmentSpec
  status VolumeAttachmentStatus
type VolumeAttachmentList kind=storage.k8s.io/v1
  apiVersion string
  items! []VolumeAttachment
  kind string
  metadata meta/v1.ListMeta
type VolumeAttachmentSource
  inlineVolumeSpec core/v1.PersistentVolumeSpec
  persistentVolumeName string
type VolumeAttachmentSpec
  attacher! string
  nodeName! string
  source! VolumeAttachmentSource
type VolumeAttachmentStatus
  attachError VolumeError
  attached! bool
  attachmentMetadata map[string]
  detachError VolumeError
type VolumeAttributesClass kind=storage.k8s.io/v1
  apiVersion string
  driverName! string
  kind string
  metadata meta/v1.ObjectMeta
  parameters map[string]
type VolumeAttributesClassList kind=storage.k8s.io/v1
  apiVersion string
  items! []VolumeAttributesClass
  kind string
  metadata meta/v1.ListMeta
type VolumeError
  errorCode int32
  message string
  time time
type VolumeNodeResources
  count int32

group io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1 apiextensions/v1
type CustomResourceColumnDefinition
  description string
  format string
  jsonPath! string
  name! string
  priority int32
  type! string
type CustomResourceConversion
  strategy! string
  webhook WebhookConversion
type CustomResourceDefinition kind=apiextensions.k8s.io/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec! CustomResourceDefinitionSpec
  status CustomResourceDefinitionStatus
type CustomResourceDefinitionCondition
  lastTransitionTime time
  message string
  observedGeneration int64
  reason string
  status! string
  type! string
type CustomResourceDefinitionList kind=apiextensions.k8s.io/v1
  apiVersion string
  items! []CustomResourceDefinition
  kind string
  metadata meta/v1.ListMeta
type CustomResourceDefinitionNames
  categories []string atomic
  kind! string
  listKind string
  plural! string
  shortNames []string atomic
  singular string
type CustomResourceDefinitionSpec
  conversion CustomResourceConversion
  group! string
  names! CustomResourceDefinitionNames
  preserveUnknownFields bool
  scope! string
  versions! []CustomResourceDefinitionVersion atomic
type CustomResourceDefinitionStatus
  acceptedNames CustomResourceDefinitionNames
  conditions []CustomResourceDefinitionCondition map(type)
  observedGeneration int64
  storedVersions []string atomic
type CustomResourceDefinitionVersion
  additionalPrinterColumns []CustomResourceColumnDefinition atomic
  deprecated bool
  deprecationWarning string
  name! string
  schema CustomResourceValidation
  selectableFields []SelectableField atomic
  served! bool
  storage! bool
  subresources CustomResourceSubresources
type CustomResourceSubresourceScale
  labelSelectorPath string
  specReplicasPath! string
  statusReplicasPath! string
type CustomResourceSubresourceStatus
type CustomResourceSubresources
  scale CustomResourceSubresourceScale
  status CustomResourceSubresourceStatus
type CustomResourceValidation
  openAPIV3Schema JSONSchemaProps
type ExternalDocumentation
  description string
  url string
type JSONSchemaProps
  $ref string
  $schema string
  additionalItems any
  additionalProperties any
  allOf []JSONSchemaProps atomic
  anyOf []JSONSchemaProps atomic
  default any
  definitions map[JSONSchemaProps]
  dependencies map[any]
  description string
  enum []any atomic
  example any
  exclusiveMaximum bool
  exclusiveMinimum bool
  externalDocs ExternalDocumentation
  format string
  id string
  items any
  maxItems int64
  maxLength int64
  maxProperties int64
  maximum double
  minItems int64
  minLength int64
  minProperties int64
  minimum double
  multipleOf double
  not JSONSchemaProps
  nullable bool
  oneOf []JSONSchemaProps atomic
  pattern string
  patternProperties map[JSONSchemaProps]
  properties map[JSONSchemaProps]
  required []string atomic
  title string
  type string
  uniqueItems bool
  x-kubernetes-embedded-resource bool
  x-kubernetes-int-or-string bool
  x-kubernetes-list-map-keys []string atomic
  x-kubernetes-list-type string
  x-kubernetes-map-type string
  x-kubernetes-preserve-unknown-fields bool
  x-kubernetes-validations []ValidationRule map(rule) patch=merge(rule)
type SelectableField
  jsonPath! string
type ServiceReference
  name! string
  namespace! string
  path string
  port int32
type ValidationRule
  fieldPath string
  message string
  messageExpression string
  optionalOldSelf bool
  reason string
  rule! string
type WebhookClientConfig
  caBundle bytes
  service ServiceReference
  url string
type WebhookConversion
  clientConfig WebhookClientConfig
  conversionReviewVersions! []string atomic

group io.k8s.apimachinery.pkg.apis.meta.v1 meta/v1
type APIGroup kind=v1
  apiVersion string
  kind string
  name! string
  preferredVersion GroupVersionForDiscovery
  serverAddressByClientCIDRs []ServerAddressByClientCIDR atomic
  versions! []GroupVersionForDiscovery atomic
type APIGroupList kind=v1
  apiVersion string
  groups! []APIGroup atomic
  kind string
type APIResource
  categories []string atomic
  group string
  kind! string
  name! string
  namespaced! bool
  shortNames []string atomic
  singularName! string
  storageVersionHash string
  verbs! []string
  version string
type APIResourceList kind=v1
  apiVersion string
  groupVersion! string
  kind string
  resources! []APIResource atomic
type APIVersions kind=v1
  apiVersion string
  kind string
  serverAddressByClientCIDRs! []ServerAddressByClientCIDR atomic
  versions! []string atomic
type Condition
  lastTransitionTime! time
  message! string
  observedGeneration int64
  reason! string
  status! string
  type! string
type DeleteOptions
  apiVersion string
  dryRun []string atomic
  gracePeriodSeconds int64
  ignoreStoreReadErrorWithClusterBreakingPotential bool
  kind string
  orphanDependents bool
  preconditions Preconditions
  propagationPolicy string
type FieldSelectorRequirement
  key! string
  operator! string
  values []string atomic
type GroupResource
  group! string
  resource! string
type GroupVersionForDiscovery
  groupVersion! string
  version! string
type LabelSelector atomic
  matchExpressions []LabelSelectorRequirement atomic
  matchLabels map[string]
type LabelSelectorRequirement
  key! string
  operator! string
  values []string atomic
type ListMeta
  continue string
  remainingItemCount int64
  resourceVersion string
  selfLink string
  shardInfo ShardInfo
type ManagedFieldsEntry
  apiVersion string
  fieldsType string
  fieldsV1 object
  manager string
  operation string
  subresource string
  time time
type ObjectMeta
  annotations map[string]
  creationTimestamp time
  deletionGracePeriodSeconds int64
  deletionTimestamp time
  finalizers []string set patch=merge
  generateName string
  generation int64
  labels map[string]
  managedFields []ManagedFieldsEntry atomic
  name string
  namespace string
  ownerReferences []OwnerReference map(uid) patch=merge(uid)
  resourceVersion string
  selfLink string
  uid string
type OwnerReference atomic
  apiVersion! string
  blockOwnerDeletion bool
  controller bool
  kind! string
  name! string
  uid! string
type Preconditions
  resourceVersion string
  uid string
type ServerAddressByClientCIDR
  clientCIDR! string
  serverAddress! string
type ShardInfo
  selector! string
type Status kind=v1
  apiVersion string
  code int32
  details StatusDetails
  kind string
  message string
  metadata ListMeta
  reason string
  status string
type StatusCause
  field string
  message string
  reason string
type StatusDetails
  causes []StatusCause atomic
  group string
  kind string
  name string
  retryAfterSeconds int32
  uid string
type WatchEvent
  object! object
  type! string

group io.k8s.apimachinery.pkg.version version
type Info
  buildDate! string
  compiler! string
  emulationMajor string
  emulationMinor string
  gitCommit! string
  gitTreeState! string
  gitVersion! string
  goVersion! string
  major! string
  minCompatibilityMajor string
  minCompatibilityMinor string
  minor! string
  platform! string

group io.k8s.kube-aggregator.pkg.apis.apiregistration.v1 apiregistration/v1
type APIService kind=apiregistration.k8s.io/v1
  apiVersion string
  kind string
  metadata meta/v1.ObjectMeta
  spec APIServiceSpec
  status APIServiceStatus
type APIServiceCondition
  lastTransitionTime time
  message string
  reason string
  status! string
  type! string
type APIServiceList kind=apiregistration.k8s.io/v1
  apiVersion string
  items! []APIService
  kind string
  metadata meta/v1.ListMeta
type APIServiceSpec
  caBundle bytes atomic
  group string
  groupPriorityMinimum! int32
  insecureSkipTLSVerify bool
  service ServiceReference
  version string
  versionPriority! int32
type APIServiceStatus
  conditions []APIServiceCondition map(type) patch=merge(type)
type ServiceReference
  name string
  namespace string
  port int32
`;
