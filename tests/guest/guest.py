#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs a script of this folder in a guest: tests/guest/guest.py [--limit SECONDS] [--console] SCRIPT.sh

The guest is Debian's own kernel under qemu (TCG: no KVM needed), for what the kernel of the machine at hand may lack, such
as VRF and 802.1Q. Its root is an initramfs made here of busybox, iproute2, this project's programs with their shared
libraries, a few of DPDK's drivers and the scripts of this folder; `init` there starts the script. The script's output comes
back by the second serial port, with its status as the last line; the kernel's messages by the first. Leaves with the
script's status (77: skipped, also where there is no kernel or no qemu). Nothing is written to disk: the initramfs and the
kernel's messages are in memory, and qemu dies with this program.

The programs are those of build-guest/ (SLUICE_BUILD names another), built with -Dportable=true: the guest's CPU is the least
one such a build should run on. The kernel is put into /var/cache/sluice/guest by scripts/setup (SLUICE_GUEST_KERNEL)."""
import argparse
import ctypes
import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(TOP, os.environ.get("SLUICE_BUILD", "build-guest"))
KERNEL = os.environ.get("SLUICE_GUEST_KERNEL", "/var/cache/sluice/guest")
MEMORY_MB, CPUS = 1024, 2
LIMIT_S = 900  # a machine that is busy with other things makes the guest many times slower
SKIP_STATUS = 77
STATUS_LINE = re.compile(rb"^guest: the script left with (\d+)\r?$")

MODULES = ("vrf", "8021q", "dummy", "veth", "bridge", "vxlan", "macvlan", "tun")
TOOLS = ("ip", "bridge", "jq")
PROGRAMS = ("dataplane/sluice-dataplane", "control/sluice-control", "control/sluice-kernel", "control/sluice")
DRIVERS = ("bus_pci", "bus_vdev", "mempool_ring", "net_af_packet", "net_null", "net_tap")
PR_SET_PDEATHSIG = 1


class Skip(Exception):
    """The guest cannot run on this machine, and why."""


class Archive:
    """A cpio archive (newc) in memory, as the kernel wants it for its first root. It knows no order: folders come first."""

    def __init__(self):
        self.fd = os.memfd_create("initramfs", 0)
        self.out = os.fdopen(self.fd, "wb", closefd=False)
        self.known = set()

    def entry(self, path, mode, data=b""):
        name = path.strip("/").encode() + b"\0"
        self.known.add(path)
        fields = (len(self.known), mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0)
        head = b"070701" + b"".join(b"%08x" % field for field in fields) + name
        self.out.write(head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4))

    def folder(self, path):
        if path not in self.known and path != "/":
            self.folder(os.path.dirname(path))
            self.entry(path, 0o040755)

    def file(self, path, data, mode=0o100755):
        if path not in self.known:
            self.folder(os.path.dirname(path))
            self.entry(path, mode, data)

    def link(self, path, target):
        self.file(path, target.encode(), 0o120777)

    def copy(self, path, source=None):
        """Links stay links: what is loaded by two names must be one file, or DPDK's drivers are there twice."""
        real = path if source else os.path.realpath(path)
        if real not in self.known:
            with open(source or real, "rb") as file:
                self.file(real, file.read())
        self.link(path, real)

    def close(self):
        self.entry("TRAILER!!!", 0)
        self.out.flush()
        return self.fd


def which(program, package):
    path = shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if not path:
        raise Skip(f"there is no {program}: scripts/setup installs {package}")
    return path


def kernel_modules():
    """The .ko files of MODULES and of what they need, in the order in which they are to be loaded."""
    files = {os.path.basename(path)[:-3].replace("-", "_"): path
             for path in glob.glob(f"{KERNEL}/lib/modules/*/kernel/**/*.ko", recursive=True)}
    order = []

    def take(name):
        if name not in files:
            raise Skip(f"the kernel in {KERNEL} has no module {name}: remove that folder and run scripts/setup")
        with open(files[name], "rb") as file:
            depends = re.search(rb"\0depends=([^\0]*)\0", file.read())
        for other in filter(None, depends[1].decode().split(",")) if depends else ():
            take(other.replace("-", "_"))
        if files[name] not in order:
            order.append(files[name])
    for name in MODULES:
        take(name)
    return order


def shared_libraries(paths):
    """What the loader would open for these."""
    out = subprocess.run(["ldd", *paths], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True).stdout
    if "not found" in out:
        raise RuntimeError(f"a shared library is missing:\n{out}")
    return sorted({match[1] for match in re.finditer(r"(/\S+) \(0x", out)})


def drivers():
    """DPDK opens all that is called .so in its folder of drivers."""
    found = [path for name in DRIVERS for path in glob.glob(f"/usr/lib/*/dpdk/pmds-*/librte_{name}.so")]
    if len(found) != len(DRIVERS):
        raise RuntimeError(f"of DPDK's drivers {', '.join(DRIVERS)} there are only: {found}")
    return found


def build_initramfs():
    """A file descriptor with all that the guest has."""
    archive = Archive()
    for folder in ("/dev", "/proc", "/sys", "/run", "/tmp", "/var/lib", "/root"):
        archive.folder(folder)
    archive.copy("/bin/busybox", which("busybox", "busybox-static"))
    archive.copy("/bin/sh", "/bin/dash")  # busybox's own takes its applets for ip and others, whatever PATH says
    archive.file("/etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n", 0o100644)
    archive.file("/etc/group", b"root:x:0:\n", 0o100644)
    programs = [os.path.join(BUILD, program) for program in PROGRAMS]
    for path in programs:
        if not os.path.exists(path):
            raise RuntimeError(f"{path} is not built: meson setup {os.path.basename(BUILD)} -Dportable=true -Dtests=false, then meson compile")
    tools = [which(tool, {"jq": "jq"}.get(tool, "iproute2")) for tool in TOOLS]
    for path in programs + tools:
        archive.copy(f"/usr/bin/{os.path.basename(path)}", path)
    for path in drivers():
        archive.copy(path)
    for path in shared_libraries(["/bin/dash", *programs, *tools, *drivers()]):
        archive.copy(path)
    modules = kernel_modules()
    for path in modules:
        archive.copy(f"/lib/modules/{os.path.basename(path)}", path)
    archive.file("/etc/modules", "".join(f"/lib/modules/{os.path.basename(path)}\n" for path in modules).encode(), 0o100644)
    for path in glob.glob(os.path.join(HERE, "*.sh")):
        archive.copy(f"/test/{os.path.basename(path)}", path)
    archive.copy("/init", os.path.join(HERE, "init"))
    return archive.close()


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def boot(script, console):
    """qemu, whose standard output is the guest's second serial port. The memory it takes is bounded by MEMORY_MB."""
    qemu = which("qemu-system-x86_64", "qemu-system-x86")
    kernel = glob.glob(f"{KERNEL}/boot/vmlinuz-*")
    if len(kernel) != 1:
        raise Skip(f"there is no kernel in {KERNEL}: scripts/setup fetches it")
    initramfs = build_initramfs()
    words = [qemu, "-M", "q35", "-accel", "tcg,thread=multi", "-cpu", "Nehalem", "-smp", str(CPUS), "-m", str(MEMORY_MB),
             "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-kernel", kernel[0],
             "-initrd", f"/proc/self/fd/{initramfs}", "-append", f"console=ttyS0 quiet panic=-1 test={script}",
             "-chardev", f"file,id=console,path=/proc/self/fd/{console}", "-serial", "chardev:console",
             "-chardev", "stdio,id=result,signal=off", "-serial", "chardev:result"]
    return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, pass_fds=(initramfs, console),
                            preexec_fn=die_with_parent)


def follow(qemu, limit_s):
    """Prints what the script prints. Its status, None: the guest ended without one, "timeout": it did not end."""
    late = []

    def stop():
        late.append(True)
        qemu.kill()
    timer = threading.Timer(limit_s, stop)
    timer.start()
    status = None
    try:
        for line in qemu.stdout:
            match = STATUS_LINE.match(line.rstrip(b"\n"))
            if match:
                status = int(match[1])
            else:
                sys.stdout.write(line.decode(errors="replace").replace("\r", ""))
                sys.stdout.flush()
        qemu.wait()
    finally:
        timer.cancel()
        qemu.kill()
        qemu.wait()
    return "timeout" if late else status


def run(script, limit_s, show_console):
    console = os.memfd_create("console", 0)
    qemu = boot(script, console)
    status = follow(qemu, limit_s)
    if show_console or status not in (0, SKIP_STATUS):
        with open(console, "rb") as file:
            messages = file.read().decode(errors="replace").replace("\r", "").splitlines()
        print("the kernel's console:", *messages[-40:], sep="\n    ")
    if status is None:
        print(f"FAIL: the guest ended before {script} did" + (f"; qemu's status is {qemu.returncode}" if qemu.returncode else ""))
    elif status == "timeout":
        print(f"FAIL: {script} did not end within {limit_s} s")
    return status if isinstance(status, int) else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("script")
    parser.add_argument("--limit", type=float, default=LIMIT_S, metavar="SECONDS")
    parser.add_argument("--console", action="store_true", help="the kernel's messages also when all went well")
    args = parser.parse_args()
    script = os.path.basename(args.script)
    if not os.path.exists(os.path.join(HERE, script)):
        sys.exit(f"guest.py: there is no {script} in {HERE}")
    # the clean-up of follow() also when the runner's time is over
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    try:
        return run(script, args.limit, args.console)
    except Skip as why:
        print(f"skip: {why}")
        return SKIP_STATUS


if __name__ == "__main__":
    sys.exit(main())
