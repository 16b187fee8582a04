#!/bin/bash
# boot.sh SCRIPT [SECONDS [FOLDER]]: runs a bash script as root in a virtual machine with Debian's kernel, on this
# machine's files (but /run is its own, and /tmp unless this folder is in it). FOLDER is /mnt/input there; what the script writes below /mnt/output
# comes back in FOLDER/output. Nothing else that it changes outlives it.
# Prints what the script printed and exits as the script did; 124 when time ran out.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
script=$(realpath "$1")
seconds=${2:-300}
cache=$("$here/prepare.sh")
exchange=$(mktemp -d)
trap 'rm -rf "$exchange"' EXIT
cp "$script" "$exchange/script"
mkdir "$exchange/output" "$exchange/input"
[ $# -lt 3 ] || cp -r "$3/." "$exchange/input/"
# A kernel that is emulated on a busy machine may find its timer too slow, and stop: no_timer_check.
# One processor: two that are emulated wait for each other, and two machines side by side are twice as quick.
options="console=ttyS0 quiet panic=-1 no_timer_check weir.cache=$cache weir.script=$here/guest.sh weir.folder=$PWD weir.run=/mnt/script"
code=0
timeout -k 5 "$seconds" qemu-system-x86_64 -accel tcg,thread=multi -m 2G -smp 1 \
  -kernel "$cache/vmlinuz" -initrd "$cache/initrd" -append "$options" \
  -nographic -no-reboot -nodefaults -serial stdio \
  -virtfs local,path=/,mount_tag=hostroot,security_model=none,readonly=on,multidevs=remap \
  -virtfs local,path="$exchange",mount_tag=exchange,security_model=none,multidevs=remap \
  </dev/null >"$exchange/console" 2>&1 || code=$?
if [ $# -ge 3 ]; then mkdir -p "$3/output" && cp -r "$exchange/output/." "$3/output/"; fi
[ -f "$exchange/log" ] && cat "$exchange/log"
if [ -f "$exchange/code" ]; then exit "$(cat "$exchange/code")"; fi
echo "the guest did not finish (qemu: $code)" >&2
tail -n 40 "$exchange/console" >&2
[ "$code" = 0 ] && exit 1
exit "$code"
