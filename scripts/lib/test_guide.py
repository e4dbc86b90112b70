"""What scripts/test-guide does once the program is built."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
GUIDE = os.path.join(ROOT, "docs/guide")
DEBIAN = os.environ.get("YUBIN_DEBIAN_ROOT",
                        os.path.join(ROOT, "build/debian-12"))
PACKAGES = ("ca-certificates,curl,iproute2,libidn12,libjansson4,libseccomp2,"
            "libsqlite3-0,libssl3,libxxhash0,libyaml-0-2,openssl,postfix,procps,"
            "sudo")
BLOCK = re.compile(r"(?:<!-- (.*?) -->\n)?```sh\n(.*?)```", re.S)
TIME_MAX_S = 600

# What a page takes as given, and what is true behind it.
BEFORE = {
    "first-server": "postfix start",
    "from-dovecot": """
mkdir -p /etc/dovecot /var/mail/vhosts/example.org/alice/Maildir/{new,cur}
hash=$(openssl passwd -6 -salt saltsalt 'a long password')
for user in alice bob; do
	echo "$user@example.org:{SHA512-CRYPT}$hash::::"
done >/etc/dovecot/users
for n in 1 2 3; do
	printf 'Subject: old %s\\n\\nold\\n' $n \\
		>/var/mail/vhosts/example.org/alice/Maildir/cur/$n.host:2,S
done
postconf -e 'virtual_mailbox_domains = example.org'
postfix start""",
}
AFTER = {
    "first-server": """
for n in $(seq 50); do
	[ "$(yubin mail list alice@example.org | grep -c UTC)" = 2 ] && break
	sleep 0.2
done
[ "$(yubin mail list alice@example.org | grep -c UTC)" = 2 ]
grep -q '^hello' /tmp/collected
# Thunderbird, which waits outside, collects it too.
if [ -e /tmp/thunderbird ]; then
	touch /tmp/up
	for n in $(seq 600); do
		[ -s /tmp/fetched ] && break
		sleep 0.1
	done
	echo "Thunderbird: $(cat /tmp/fetched)"
	[ "$(cat /tmp/fetched)" = "2 messages" ]
fi""",
    "from-dovecot": """
ls /root/alice/new /root/alice/cur | grep -c . | grep -q '[3-9]'
yubin account list | grep -c . | grep -q 2""",
}
# Pages that speak of a server that runs.
SERVER = """
yubin init --hostname mail.example.org >/dev/null
yubin serve 2>/tmp/serve.log & SERVER=$!
ready
yubin account add alice@example.org >/tmp/password
printf 'Subject: first\\n\\nhello\\n' | yubin deliver alice@example.org
"""
BEFORE["troubleshooting"] = SERVER + """
sed -i 's/^smtp  /2525  /' /etc/postfix/master.cf
postfix start"""
AFTER["backup"] = """
yubin serve 2>/tmp/serve.log & SERVER=$!
ready
yubin mail list alice@example.org | grep -q first
grep -q '^hello' /root/alice.mbox"""
HEAD = """
set -eu -o pipefail
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
ready() {
	for n in $(seq 100); do
		yubin status >/dev/null 2>&1 && return
		sleep 0.1
	done
	echo "no server comes up" >&2
	cat /tmp/serve.log
	return 1
}
SERVER=
"""


def script_of(page):
    """The commands of a page, as one script."""
    with open(os.path.join(GUIDE, page + ".md"), encoding="utf-8") as f:
        text = f.read()
    out = [HEAD, BEFORE.get(page, SERVER)]
    for at, (note, block) in enumerate(BLOCK.findall(text)):
        block = block.rstrip("\n")
        if note.startswith("not run"):
            continue
        out.append(f"echo {quoted('+ ' + block)}")
        if note == "background":
            out.append(f"{block} 2>/tmp/serve.log & SERVER=$!\nready")
        elif note.startswith("run with the password"):
            out.append("p=$(head -n1 /tmp/password)\n" + block.replace(
                "-u alice@example.org", '-u "alice@example.org:$p"') +
                " | tee /tmp/collected")
        elif note == "ready again":
            out.append(f"{block}\nready\nss -ltn | grep -q 0.0.0.0:995")
        elif note == "on an empty server":
            out.append("kill $SERVER; wait $SERVER || true\n"
                       "rm -r /var/lib/yubin /etc/yubin\n" + block)
        elif "account add alice" in block:
            out.append(f"{{ {block}\n}} | tee /tmp/password")
        else:
            out.append(block)
    out += [AFTER.get(page, ""), "kill $SERVER 2>/dev/null || true",
            "wait || true", "echo END OF PAGE"]
    return "\n".join(out) + "\n"


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def make_debian():
    if os.path.exists(os.path.join(DEBIAN, "etc/debian_version")):
        return
    print(f"making a Debian 12 in {DEBIAN}, once", flush=True)
    part = DEBIAN + ".part"
    subprocess.run(["rm", "-rf", part], check=True)
    subprocess.run(["debootstrap", "--variant=minbase",
                    f"--include={PACKAGES}", "bookworm", part], check=True,
                   stdout=subprocess.DEVNULL)
    os.rename(part, DEBIAN)


def package():
    """The .deb that `make deb` has made, or that YUBIN_DEB names."""
    folder = os.path.join(ROOT, "build/package")
    found = [os.path.join(folder, name) for name in os.listdir(folder)
             if re.fullmatch(r"yubin_.*\.deb", name)]
    return os.environ.get("YUBIN_DEB") or max(found, key=os.path.getmtime)


def install(top):
    subprocess.run(["cp", package(), f"{top}/tmp/yubin.deb"], check=True)
    subprocess.run(["chroot", top, "dpkg", "-i", "/tmp/yubin.deb"],
                   check=True, stdout=subprocess.DEVNULL)


# Inside of the new namespaces: a root directory over the cached one, which
# itself stays as it is. It ends, with all in it, when its shell does.
INSIDE = """
set -eu
mount -t tmpfs -o size=2G yubin-guide {work}
mkdir {work}/up {work}/work {work}/top
mount -t overlay -o lowerdir={debian},upperdir={work}/up,workdir={work}/work \\
	overlay {work}/top
mount -t proc proc {work}/top/proc
hostname mail.example.org
mount --rbind /dev {work}/top/dev
mount -t tmpfs tmpfs {work}/top/run
ip link set lo up
printf '127.0.0.1 localhost mail.example.org %s\\n' "$(hostname)" >{work}/top/etc/hosts
cp {script} {work}/top/guide.sh
{python} {this} --install {work}/top
mount --bind {work}/top/etc/hosts /etc/hosts
mount -t proc proc /proc
if {thunderbird}; then
	touch {work}/top/tmp/thunderbird
	{python} {this} --thunderbird {work}/top {work} >{work}/top/tmp/fetched 2>&1 &
fi
exec chroot {work}/top bash /guide.sh
"""


def run(page):
    with tempfile.TemporaryDirectory(prefix="yubin-guide-",
                                     dir="/tmp") as folder:
        work = os.path.join(folder, "work")
        os.mkdir(work)
        script = os.path.join(folder, "script")
        with open(script, "w", encoding="utf-8") as f:
            f.write(script_of(page))
        inside = INSIDE.format(work=work, debian=DEBIAN, script=script,
                               python=sys.executable,
                               this=os.path.abspath(__file__),
                               thunderbird="true" if page == "first-server"
                               and shutil.which("thunderbird") else "false")
        done = subprocess.run(
            ["unshare", "--mount", "--uts", "--net", "--pid", "--fork", "--kill-child",
             "sh", "-c", inside], timeout=TIME_MAX_S,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    told = done.stdout.decode(errors="replace")
    good = done.returncode == 0 and told.endswith("END OF PAGE\n")
    print(f"{'ok  ' if good else 'FAIL'}  {page}", flush=True)
    if not good or os.environ.get("YUBIN_GUIDE_SHOW"):
        print(told, flush=True)
    return good


def collect_by_thunderbird(top, folder):
    """Beside the other root directory: loopback is the same."""
    sys.path.insert(0, os.path.join(ROOT, "tests/tools"))
    from thunderbird import Thunderbird
    while not os.path.exists(f"{top}/tmp/up"):
        time.sleep(0.1)
    with open(f"{top}/tmp/password", encoding="ascii") as f:
        password = f.readline().rstrip("\n")
    program = Thunderbird(folder, f"{top}/etc/yubin/tls/ca.pem", 60)
    try:
        key = program.add(host="mail.example.org", user="alice@example.org",
                          port=995, socket="SSL", auth="passwordCleartext",
                          password=password)
        program.fetch(key)
        print(f"{program.count(key)} messages", end="")
    finally:
        program.close()


def main():
    if sys.argv[1:2] == ["--thunderbird"]:
        collect_by_thunderbird(*sys.argv[2:])
        return 0
    if sys.argv[1:2] == ["--install"]:
        install(sys.argv[2])
        return 0
    pages = sys.argv[1:] or sorted(
        name[:-3] for name in os.listdir(GUIDE)
        if name.endswith(".md") and name != "README.md")
    make_debian()
    good = [run(page) for page in pages]
    print(f"{sum(good)} passed, {len(good) - sum(good)} failed")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
