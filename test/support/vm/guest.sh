# Runs in the guest, as its first process on the host's files: readies the machine, runs weir.run, tells its exit code.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C
option() { sed -n "s/.*weir\.$1=\([^ ]*\).*/\1/p" /proc/cmdline; }
cache=$(option cache)
mount -t tmpfs run /run
# A checkout or cache below /tmp must stay in sight; writes to it end in the layer in memory.
case "$(option folder)/:$cache/" in
/tmp/* | *:/tmp/*) ;;
*) mount -t tmpfs tmp /tmp -o mode=1777 ;;
esac
mkdir -p /lib/modules /run/netns /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount --bind "$cache/kernel/lib/modules" /lib/modules
mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000 exchange /mnt
export PATH="$cache/tools/sbin:$PATH"
LD_LIBRARY_PATH=$(dirname "$(find "$cache/tools" -name 'libpopt.so.0')"):$(dirname "$(find "$cache/tools" -name 'libnl-genl-3.so.200')")
export LD_LIBRARY_PATH
hostname guest
ip link set lo up
echo 4 >/proc/sys/kernel/printk
cd "$(option folder)"
bash "$(option run)" >/mnt/log 2>&1 </dev/null
echo $? >/mnt/code
sync
echo o >/proc/sysrq-trigger
sleep 60
