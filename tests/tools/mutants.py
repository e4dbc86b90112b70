#!/usr/bin/python3
"""Plants faults into the store, one at a time, and lets its tests find them.

Usage: tests/tools/mutants.py BUILD [NAME...]

BUILD is a folder in which the tests are built. Each fault is a change of one
source file of src/store; that file is compiled anew and linked with the test
program that has to find it: the power-cut simulation unless another is named.
Prints a line for each; exit 1 if a fault was not found.
"""
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
LIBRARIES = ["store", "mime", "os", "base"]
SYSTEM = ["-lxxhash", "-lseccomp", "-lcmocka", "-lpthread"]
SECONDS = 60
SEEDS = "60"

# Name, file, what stands there, what stands there instead, test program.
MUTANTS = [
    ("sync left out", "sync.c",
     "j->base.err = j->os->sync(j->os->ctx, j->fd);",
     "j->base.err = YB_OK;"),
    ("answered before the sync", "sync.c",
     "	j->upto = mb->tail;\n",
     "	j->upto = mb->tail;\n	publish(mb, j->upto);\n"),
    ("a sync taken for later records too", "sync.c",
     "if (part->end > upto)", "if (part->end > mb->tail)"),
    ("the index says of syncs what was not synced", "sync.c",
     ".durable_upto = mb->durable }", ".durable_upto = mb->tail }"),
    ("new log renamed before its sync", "files.c",
     "	if (err == YB_OK)\n		err = os->sync(os->ctx, fd);\n"
     "	return err;\n}\n\nenum yb_err files_make_log",
     "	return err;\n}\n\nenum yb_err files_make_log"),
    ("folder sync of a new log left out", "files.c",
     "		else\n			err = os->sync_folder(os->ctx, dir);\n",
     ""),
    ("folder syncs above left out", "files.c",
     "	err = os->sync_folder(os->ctx, dir);\n"
     "	if (err == YB_OK && word != NULL)",
     "	err = YB_OK;\n	if (err == YB_OK && word != NULL)"),
    ("compacted log renamed before its sync", "compact.c",
     "err = os->sync(os->ctx, c->fd);", "err = YB_OK;"),
    ("folder sync of a compacted log left out", "compact.c",
     "	err = os->sync_folder(os->ctx, c->dir);\n"
     "	if (err == YB_OK)\n		finish_index(c);",
     "	finish_index(c);"),
    ("what came during a compaction forgotten", "compact.c",
     "	if (upto <= c->done)\n		return YB_OK;\n"
     "	loaded_init(&w.loaded);",
     "	if (upto >= c->done)\n		return YB_OK;\n"
     "	loaded_init(&w.loaded);"),
    ("deleted mail freed before its time", "generation.c",
     "	if (st->config.undelete_days == 0)\n		return UINT32_MAX;\n",
     "	if (st->config.undelete_days != 99999)\n"
     "		return UINT32_MAX;\n"),
    ("generation dropped under a snapshot", "generation.c",
     "	if (log->read_fd < 0) {\n		err = log_file_make_room",
     "	if (log->read_fd < -1) {\n		err = log_file_make_room",
     "unit_store_test_compact"),
    ("numbers of an emptied log forgotten", "recover.c",
     "	if (head->next_uid > t->last_uid + 1)\n",
     "	if (head->next_uid > UINT64_MAX - 1)\n"),
    ("checksum of bodies ignored", "scan.c",
     "*ret_good = log_summer_end(s->summer) == record->body_sum;",
     "*ret_good = true;"),
    ("checksums of index entries ignored", "index.c",
     "		if (e->sum != entry_sum(t, i))\n"
     "			return YB_CORRUPT;\n", "",
     "unit_store_test_index"),
    ("index believed beyond its log", "load.c",
     "	if (head->covers_upto > ld->size || "
     "head->durable_upto > ld->size ||\n	    head->covers_upto",
     "	if (head->covers_upto", "unit_store_test_damage"),
    ("shown without a sync after a crash", "load.c",
     "	if (!ld->distrust && os->sync(os->ctx, l->log_fd) == YB_OK)",
     "	if (!ld->distrust)"),
    ("a failed sync asked again and believed", "sync.c",
     "	if (j->base.err != YB_OK || mb->failed)\n"
     "		mailbox_fail(mb);\n	else if",
     "	if (mb->failed)\n		mailbox_fail(mb);\n	else if",
     "unit_store_test_failures"),
    ("half a delivery left in a log", "append.c",
     "	if (os->cut(os->ctx, mb->log->fd, part->at) != YB_OK) {",
     "	if (false) {",
     "unit_store_test_failures"),
    ("half of a session's deletes made", "sync.c",
     "	for (uint32_t i = 0; i < change.count; i++, "
     "p += change.range_size) {",
     "	for (uint32_t i = 0; i < (change.count + 1) / 2;\n"
     "	     i++, p += change.range_size) {"),
]


def compile_mutant(build, folder, name, old, new):
    path = os.path.join(ROOT, "src/store", name)
    with open(path, encoding="utf-8") as f:
        text = f.read()
    if text.count(old) != 1:
        sys.exit(f"{name}: what a planted fault replaces stands there "
                 f"{text.count(old)} times:\n{old}")
    source = os.path.join(folder, name)
    with open(source, "w", encoding="utf-8") as f:
        f.write(text.replace(old, new))
    subprocess.run(["cc", "-std=gnu17", "-O1", "-w", "-D_GNU_SOURCE",
                    "-I", os.path.join(ROOT, "src"), "-c", source,
                    "-o", source + ".o"], check=True)
    return source + ".o"


def link(build, folder, mutant, program):
    test = program.replace("unit_store_", "")
    target = os.path.join(folder, program)
    subprocess.run(
        ["cc", "-o", target,
         os.path.join(build, f"tests/CMakeFiles/{program}.dir/unit/store/"
                      f"{test}.c.o"), mutant] +
        [os.path.join(build, f"libyubin_{lib}.a") for lib in LIBRARIES] +
        SYSTEM, check=True)
    return target


def is_found(build, mutant):
    name, path, old, new, *program = mutant
    program = program[0] if program else "unit_store_test_powercut"
    with tempfile.TemporaryDirectory(prefix="yubin-mutant-") as folder:
        target = link(build, folder,
                      compile_mutant(build, folder, path, old, new), program)
        env = dict(os.environ, YUBIN_POWERCUT_SEEDS=SEEDS)
        try:
            done = subprocess.run([target], env=env, capture_output=True,
                                  timeout=SECONDS)
        except subprocess.TimeoutExpired:
            print(f"found: {name}: it never ends")
            return True
    lines = [line for line in
             (done.stdout + done.stderr).decode(errors="replace").split("\n")
             if "ERROR" in line]
    if done.returncode == 0:
        print(f"NOT FOUND: {name}")
        return False
    print(f"found: {name}: {lines[0].strip() if lines else 'it crashed'}")
    return True


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    chosen = [m for m in MUTANTS
              if not sys.argv[2:] or any(w in m[0] for w in sys.argv[2:])]
    return 0 if all([is_found(sys.argv[1], m) for m in chosen]) else 1


if __name__ == "__main__":
    sys.exit(main())
