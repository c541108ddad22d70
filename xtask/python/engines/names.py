"""Holds each name that an engine takes from cloudpickle, private ones included, against this implementation.

The arguments are the engine's packages, whose sources are read. A name that upstream, or the engine's copy of it, has, this
implementation has to have too: in the place of that, and in its own module unless it is one that the copy's project has added.
"""

import ast
import importlib
import importlib.util
import sys
from pathlib import Path

import cloudpickle
import cloudpickle_rs

ENDS = (".cloudpickle", ".cloudpickle.cloudpickle", ".cloudpickle.cloudpickle_fast")


def is_cloudpickle(module):
    return ("." + module).endswith(ENDS)


def sources(package):
    """The modules of a package that have to do with cloudpickle: the parts of their names, and what they are parsed to.

    The package's copy of cloudpickle is no user of it.
    """
    [folder] = importlib.util.find_spec(package).submodule_search_locations
    for path in sorted(Path(folder).rglob("*.py")):
        parts = (package, *path.relative_to(folder).with_suffix("").parts)
        text = path.read_bytes()
        if b"cloudpickle" in text and "cloudpickle" not in parts[:-1] and not {"test", "tests"} & set(parts):
            yield parts, ast.parse(text, path)


def imported_from(node, parts):
    """The absolute name of the module of a `from ... import`, in a module with such parts of its name."""
    package = parts[: len(parts) - node.level] if node.level else ()
    return ".".join((*package, *filter(None, [node.module])))


def uses(parts, tree):
    """What a module takes from cloudpickle: pairs of cloudpickle's module there and a name in it, which may have dots."""
    modules, names = {}, {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if is_cloudpickle(alias.name):
                    modules[alias.asname or alias.name] = alias.name
        elif isinstance(node, ast.ImportFrom):
            source = imported_from(node, parts)
            for alias in node.names:
                whole = f"{source}.{alias.name}"
                if is_cloudpickle(source) and not is_cloudpickle(whole) and alias.name != "*":
                    names[alias.asname or alias.name] = source, alias.name
                    yield source, alias.name
                elif is_cloudpickle(whole):
                    modules[alias.asname or alias.name] = whole
    for node in ast.walk(tree):
        chain = dotted(node)
        for end in range(1, len(chain)):
            start, rest = ".".join(chain[:end]), chain[end:]
            if start in modules:
                # at most an attribute of a class: what follows is that of some object
                yield modules[start], ".".join(rest[:2])
            elif start in names:
                module, name = names[start]
                yield module, ".".join([name, *rest[:1]])


def dotted(node):
    """The names of `a.b.c`, or nothing for what begins with anything but a name."""
    chain = []
    while isinstance(node, ast.Attribute):
        chain.append(node.attr)
        node = node.value
    return [node.id, *reversed(chain)] if isinstance(node, ast.Name) and chain else []


def has(module, name):
    found = module
    for part in name.split("."):
        if not hasattr(found, part):
            return False
        found = getattr(found, part)
    return True


def main(packages):
    taken = {use for package in packages for source in sources(package) for use in uses(*source)}
    modules = {name: importlib.import_module(name) for name in {module for module, _ in taken} if can_be_found(name)}
    # engines also ask for what other releases have
    taken = sorted(use for use in taken if use[0] in modules and has(modules[use[0]], use[1]))
    if not taken:
        raise SystemExit(f"nothing of {', '.join(packages)} uses cloudpickle")
    of_cloudpickle = {name for _, name in taken if has(cloudpickle.cloudpickle, name)}
    cloudpickle_rs.install()
    missing = [f"{module}.{name}" for module, name in taken if not has(modules[module], name)]
    own = cloudpickle_rs.cloudpickle
    missing += [f"{own.__name__}.{name}" for name in sorted(of_cloudpickle) if not has(own, name)]
    if missing:
        raise SystemExit(f"not answered: {', '.join(missing)}")
    names = sorted({name for _, name in taken})
    print(f"{' and '.join(packages)}: all that is taken from cloudpickle is there: {', '.join(names)}")


def can_be_found(module):
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:
        return False


if __name__ == "__main__":
    main(sys.argv[1:])
