"""Prints the folders of NVIDIA's libraries that this Python has, with colons between: what its wheels brought, and torch's own. Nothing is imported for it."""
import glob
import importlib.util
import os


def folders(package, pattern):
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        spec = None
    found = spec.submodule_search_locations if spec else None
    return [folder for place in found or [] for folder in sorted(glob.glob(os.path.join(place, pattern))) if os.path.isdir(folder)]


# cu13 and its like, which all wheels of a version share, before those with one library each
print(":".join(sorted(folders("nvidia", "*/lib"), key=lambda folder: "nvidia/cu1" not in folder) + folders("torch", "lib")))
