#!/bin/busybox sh
# First process of the guest: mounts the host's root read-only, a layer in memory over it, and goes on there.
bb=/bin/busybox
$bb mount -t proc proc /proc
$bb mount -t sysfs sys /sys
$bb mount -t devtmpfs dev /dev
while read -r module; do $bb insmod "/modules/$module" || echo "no module $module"; done </modules/order
$bb mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=512000 hostroot /host
$bb mount -t tmpfs -o size=1g layer /layer
$bb mkdir /layer/upper /layer/work
$bb mount -t overlay -o lowerdir=/host,upperdir=/layer/upper,workdir=/layer/work root /root
for each in proc sys dev; do $bb mount --move "/$each" "/root/$each"; done
script=$($bb sed -n 's/.*weir\.script=\([^ ]*\).*/\1/p' /root/proc/cmdline)
exec $bb switch_root /root /bin/bash "$script"
