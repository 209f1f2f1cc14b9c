#!/bin/sh
# The pinned Node is linked with libatomic, which a minimal Debian or Ubuntu does not have.
set -eu
if PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null | grep -q 'libatomic\.so\.1'; then exit 0; fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo 'libatomic.so.1 is missing, which the pinned Node needs: install it (Debian, Ubuntu: libatomic1; Fedora: libatomic) and try again' >&2
  exit 1
fi
echo 'Installing libatomic1, which the pinned Node needs'
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends libatomic1 >/dev/null
