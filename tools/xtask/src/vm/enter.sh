# PID 1 of the guest once its root is there: mounts what a host has mounted, runs
# the command, hands its output and status to the host, and switches off.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
umask 022
mkdir -p /dev/pts /dev/shm
mount -t devpts -o mode=620,ptmxmode=666,gid=5 devpts /dev/pts
mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t tmpfs -o mode=755 run /run
# As systemd mounts it on a host of today.
mount -t cgroup2 -o nosuid,nodev,noexec,nsdelegate,memory_recursiveprot cgroup2 /sys/fs/cgroup
mount -t bpf bpf /sys/fs/bpf
mount -t securityfs securityfs /sys/kernel/security
ln -sf /proc/self/fd /dev/fd
ln -sf pts/ptmx /dev/ptmx

# Where this kernel's modprobe looks for all that boot.sh did not load.
modules=$(cat /veld-vm/modules)
mkdir -p "/lib/modules/${modules##*/}"
mount --bind "$modules" "/lib/modules/${modules##*/}"
mkdir -p /etc/veld
cat >/etc/veld/veld.toml <<END
[paths]
data = "/veld-vm/disk/data"
templates = "/veld-vm/disk/templates"
END
hostname veld-vm
ip link set lo up

# The ports are told by their names; there is no udev here.
port() {
    for directory in /sys/class/virtio-ports/*; do
        if [ "$(cat "$directory/name")" = "$1" ]; then
            echo "/dev/${directory##*/}"
        fi
    done
}
status=$(port status)
echo up >"$status"
setsid /bin/sh /veld-vm/command.sh </dev/null >"$(port out)" 2>"$(port err)"
echo "ended $?" >"$status"
sync
poweroff -f
