#!/bin/sh
# The first program of the guest, in its initial file system: loads what the
# kernel needs to see its disks, lays a writable layer over the host's root,
# and goes on in it.
set -e
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in /modules/*; do
    insmod "$module"
done
mount -t 9p -o ro,trans=virtio,version=9p2000.L,cache=loose,msize=512000 host /host
mount -t ext4 -o noatime /dev/vda /disk
mkdir /disk/upper /disk/work
mount -t overlay -o lowerdir=/host,upperdir=/disk/upper,workdir=/disk/work root /root
mkdir -p /root/run /root/veld-vm/disk
cp /bin/busybox /veld-vm/* /root/veld-vm
mount --move /disk /root/veld-vm/disk
mount --move /dev /root/dev
mount --move /proc /root/proc
mount --move /sys /root/sys
exec switch_root /root /veld-vm/busybox sh /veld-vm/enter.sh
