#!/bin/bash
# Fetches Debian's stock kernel (whose modules include IPVS) and ipvsadm into a cache folder, unpacked and not installed,
# and packs an initramfs that makes the host's root file system the guest's, read-only under a layer in memory.
# Prints the folder. Needs root only for apt's lists; packages: qemu-system-x86 busybox-static cpio kmod.
set -euo pipefail
cache=${WEIR_VM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/weir/vm}
here=$(cd "$(dirname "$0")" && pwd)

for tool in qemu-system-x86_64 busybox cpio depmod modprobe; do
  command -v "$tool" >/dev/null || { echo "$tool is missing: apt-get install qemu-system-x86 busybox-static cpio kmod" >&2; exit 3; }
done

mkdir -p "$cache"
cd "$cache"
exec 9>lock
flock 9

fetch() { # folder, packages
  local folder=$1 package
  shift
  [ -d "$folder" ] && return
  rm -rf "$folder.new" && mkdir "$folder.new"
  (
    cd "$folder.new"
    apt-get -o APT::Sandbox::User=root download "$@" >/dev/null
    for package in ./*.deb; do dpkg -x "$package" .; done
    rm -f ./*.deb
  )
  mv "$folder.new" "$folder"
}

if [ ! -d kernel ]; then
  image=$(apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: \(linux-image-.*\)/\1/p' | head -1)
  [ -n "$image" ] || { echo "no linux-image-amd64 in apt's lists: run apt-get update" >&2; exit 3; }
  fetch kernel "$image"
fi
fetch tools ipvsadm libpopt0 libnl-3-200 libnl-genl-3-200

version=$(ls kernel/lib/modules)
[ -f "kernel/lib/modules/$version/modules.dep" ] || depmod -b kernel "$version"
ln -sf "kernel/boot/vmlinuz-$version" vmlinuz

if [ ! -f initrd ] || [ "$here/init.sh" -nt initrd ]; then
  rm -rf initrd.d && mkdir -p initrd.d/{bin,modules,proc,sys,dev,host,layer,root}
  cp "$(command -v busybox)" initrd.d/bin/
  cp "$here/init.sh" initrd.d/init && chmod 755 initrd.d/init
  for module in virtio_pci 9pnet_virtio 9p overlay; do
    modprobe -S "$version" -d "$cache/kernel" --show-depends "$module" | sed -n 's/^insmod \([^ ]*\).*/\1/p'
  done | awk '!seen[$0]++' >initrd.d/files
  while read -r file; do
    cp "$file" initrd.d/modules/
    basename "$file"
  done <initrd.d/files >initrd.d/modules/order
  rm initrd.d/files
  (cd initrd.d && find . | cpio -o -H newc --quiet) | gzip -1 >initrd.new
  rm -rf initrd.d
  mv initrd.new initrd
fi
echo "$cache"
