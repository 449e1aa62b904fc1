"""Reads manifests as YAML and holds them against the published schemas.

manifests.py json              prints the objects of standard input as a JSON array
manifests.py check VERSION     prints a line for each fault: Kubernetes' own kinds against the schemas of
                               that version, those of the Prometheus operator against its models
"""

import importlib
import json
import sys
import warnings

import yaml

OPERATOR = "monitoring.coreos.com/"
warnings.simplefilter("ignore")


def faults_of_kubernetes(thing, version):
    import kubernetes_validate

    try:
        kubernetes_validate.validate(thing, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        yield f"{'.'.join(map(str, error.path))}: {error.message}"
    except (kubernetes_validate.InvalidSchemaError, kubernetes_validate.SchemaNotFoundError) as error:
        yield f"no schema: {error}"


def faults_of_operator(thing):
    import pydantic

    version = thing["apiVersion"].removeprefix(OPERATOR)
    models = importlib.import_module(f"cloudcoil.models.prometheus_operator.{version}")
    try:
        model = getattr(models, thing["kind"]).model_validate(thing)
    except pydantic.ValidationError as error:
        yield str(error)
        return
    # The models let through what they do not know, and forget it.
    kept = model.model_dump(mode="json", by_alias=True, exclude_none=True)
    yield from unknown(thing, kept, thing["kind"])


def unknown(given, kept, where):
    if isinstance(given, dict) and isinstance(kept, dict):
        for key, value in given.items():
            if key not in kept:
                yield f"{where}.{key}: unknown"
            else:
                yield from unknown(value, kept[key], f"{where}.{key}")
    elif isinstance(given, list) and isinstance(kept, list):
        for place, (one, other) in enumerate(zip(given, kept, strict=True)):
            yield from unknown(one, other, f"{where}[{place}]")


things = [thing for thing in yaml.safe_load_all(sys.stdin) if thing is not None]
if sys.argv[1] == "json":
    json.dump(things, sys.stdout)
else:
    for thing in things:
        name = f"{thing['kind']} {thing['metadata']['name']}"
        if thing["apiVersion"].startswith(OPERATOR):
            faults = faults_of_operator(thing)
        else:
            faults = faults_of_kubernetes(thing, sys.argv[2])
        for fault in faults:
            print(f"{name}: {fault}")
