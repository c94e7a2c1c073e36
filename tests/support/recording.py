"""What the record.py of the folders under cases/ share: scenes by name, one truth.json a folder."""
import asyncio, json, logging, os, sys


def main(lab, folder, modules, usage):
    logging.disable(logging.CRITICAL)  # handlers whose peer was killed on purpose
    scenes = {f.__name__.replace("_", "-"): f for m in modules for f in m.SCENES}
    names = sys.argv[1:] or list(scenes)
    unknown = [n for n in names if n not in scenes]
    if unknown:
        sys.exit(f"no such scene: {', '.join(unknown)}\n{usage}")
    for name in names:
        with lab(name, folder) as l:
            l.about = " ".join(scenes[name].__doc__.split())
            asyncio.run(scenes[name](l))
            remember(os.path.join(folder, "truth.json"), {name: l.truth(), **l.others})
            print(f"{name}: {len(l.entries)} connection(s), {sum(os.path.getsize(p) for p, _ in l.captures)} bytes", flush=True)


def remember(path, entries):
    old = json.load(open(path)) if os.path.exists(path) else {}
    old.update(entries)
    with open(path + ".new", "w") as f:
        json.dump(dict(sorted(old.items())), f, indent=1, ensure_ascii=False)
        f.write("\n")
    os.rename(path + ".new", path)
