/**
 * The script that a join line runs: fetches the program for this machine from the server it came from, checks its digest
 * and has it join. `programs`: SHA-256 by `uname -m`.
 */
export function installScript(programs: ReadonlyMap<string, string>): string {
  const cases = [...programs].map(([machine, digest]) => {
    const name = machine === 'x86_64' ? 'x64' : 'arm64';
    return `  ${machine}) name=roadstead-linux-${name} digest=${digest} ;;`;
  });
  return `#!/bin/sh
# Joins this machine to a Roadstead cluster: install.sh --server URL --token TOKEN --ca-hash sha256:DIGEST [options].
# Whoever runs it has checked its own digest, which covers the digests below.
set -eu
fail() { echo "install.sh: $*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || fail "run this as root"
[ "$(uname -s)" = Linux ] || fail "Roadstead runs on Linux"
server=
previous=
for word in "$@"; do
  [ "$previous" = --server ] && server=$word
  previous=$word
done
[ -n "$server" ] || fail "--server is missing"
case $(uname -m) in
${cases.join('\n')}
  *) fail "the server has no program for $(uname -m)" ;;
esac
folder=$(mktemp -d /var/tmp/roadstead-join.XXXXXX)
trap 'rm -rf "$folder"' EXIT
# The certificate need not be known yet: what comes is checked by its digest, the cluster by --ca-hash.
curl --fail --silent --show-error --insecure --output "$folder/roadstead" "$server/join/$name"
echo "$digest  $folder/roadstead" | sha256sum --check --quiet - || fail "the program is not what it should be; nothing was installed"
chmod 0755 "$folder/roadstead"
"$folder/roadstead" join "$@"
`;
}
