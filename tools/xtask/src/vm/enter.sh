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
# What udev or a first use loads on a host; not every kernel has each as a module.
for module in loop bfq tun fuse; do
    modprobe -q "$module"
done
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
run="/bin/sh /veld-vm/command.sh </dev/null >$(port out) 2>$(port err); \
     echo \"ended \$?\" >$status; sync; poweroff -f"

# systemd instead of this, with what it starts on any host before services, and
# the command as a service of its own. What takes long and a guest has no use for
# is left out.
if [ -e /veld-vm/systemd ]; then
    : >/etc/fstab
    mkdir -p /run/systemd/system
    for unit in apparmor.service dev-hugepages.mount keyboard-setup.service \
        modprobe@.service systemd-binfmt.service systemd-journal-flush.service \
        systemd-pstore.service systemd-random-seed.service systemd-sysusers.service \
        systemd-tmpfiles-setup-dev.service systemd-tmpfiles-setup.service \
        systemd-udev-trigger.service systemd-udevd.service \
        systemd-update-utmp.service; do
        ln -s /dev/null "/run/systemd/system/$unit"
    done
    echo "$run" >/run/veld-vm.sh
    cat >/run/systemd/system/veld-vm.service <<END
[Unit]
Requires=basic.target
After=basic.target
[Service]
ExecStart=/bin/sh /run/veld-vm.sh
Delegate=yes
END
    echo up >"$status"
    exec /lib/systemd/systemd --unit=veld-vm.service
fi

echo up >"$status"
setsid /bin/sh -c "$run"
