#!/bin/sh
# Runs as the first process of a machine: its own mounts, host name and Docker Engine. Ends when its input does.
set -eu
folder=$1
name=$2
hostname "$name"
mkdir -p "$folder/cgroup"
mount --rbind /sys/fs/cgroup "$folder/cgroup"
# Anew, since it shows the network devices of whoever mounted it.
mount -t sysfs sysfs /sys
mount --rbind "$folder/cgroup" /sys/fs/cgroup
umount -R -l "$folder/cgroup"
mount -t tmpfs tmpfs /run
mkdir -p "$folder/docker" "$folder/roadstead" "$folder/bin" "$folder/log" /var/lib/docker /var/lib/roadstead
mount --bind "$folder/docker" /var/lib/docker
mount --bind "$folder/roadstead" /var/lib/roadstead
mount --bind "$folder/bin" /usr/local/bin
mount --bind "$folder/log" /var/log
dockerd >"$folder/dockerd.log" 2>&1 </dev/null &
engine=$!
for _ in $(seq 200); do
  docker version >/dev/null 2>&1 && break
  sleep 0.1
done
docker version >/dev/null
echo ready
cat >/dev/null
docker ps -aq | xargs -r docker rm -f >/dev/null 2>&1 || true
kill "$engine"
wait "$engine" 2>/dev/null || true
