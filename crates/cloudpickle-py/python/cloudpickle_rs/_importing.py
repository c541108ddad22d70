"""Import hooks for what is to happen right after a module was executed, whoever finds and loads it."""

import sys


class FollowedFinder:
    """Finds some modules as the finders after it in `sys.meta_path` do, and calls `executed(module)` behind each execution."""

    def __init__(self, names, executed):
        self.names = frozenset(names)
        self.executed = executed

    def find_spec(self, fullname, path=None, target=None):
        if fullname not in self.names:
            return None
        finders = list(sys.meta_path)
        for finder in finders[finders.index(self) + 1 :] if self in finders else ():
            find_spec = getattr(finder, "find_spec", None)
            spec = find_spec(fullname, path, target) if find_spec is not None else None
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = self.follow(spec.loader)
                return spec
        return None

    def follow(self, loader):
        """The loader that a module gets in place of its own one."""
        return FollowedLoader(loader, self)

    @staticmethod
    def invalidate_caches():
        return None


class FollowedLoader:
    """Executes a module by its own loader, which is all that the module is told of."""

    def __init__(self, loader, finder):
        self.loader = loader
        self.finder = finder

    def __getattr__(self, name):
        # what else loaders can do: tell of the source, open resources
        if name == "loader":
            raise AttributeError(name)
        return getattr(self.loader, name)

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        module.__spec__.loader = module.__loader__ = self.loader
        self.loader.exec_module(module)
        self.finder.executed(module)
