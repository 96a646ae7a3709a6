"""Checks rendered manifests on standard input, for scripts/check-kubernetes: each against the schema of its kind, without unknown
fields, and the names that they refer to against each other. The argument is what they are called in messages."""

import importlib
import sys

import jsonschema
import kubernetes_validate
import yaml

MODELS = {"istio.io": "cloudcoil.models.istio", "monitoring.coreos.com": "cloudcoil.models.prometheus_operator"}


def schema_of(api_version, kind):
    """The schema of a custom resource, closed: the models let unknown fields pass."""
    group, _, version = api_version.rpartition("/")
    package = next((package for suffix, package in MODELS.items() if group.endswith(suffix)), None)
    if package is None:
        return None
    part = f".{group.split('.')[0]}" if group.endswith(".istio.io") else ""
    schema = getattr(importlib.import_module(f"{package}{part}.{version}"), kind).model_json_schema()

    def close(node):
        if isinstance(node, dict):
            if "properties" in node:
                node["additionalProperties"] = False
            for child in node.values():
                close(child)
        elif isinstance(node, list):
            for child in node:
                close(child)

    close(schema)
    return schema


def problems_of_schema(manifest):
    api_version, kind = manifest["apiVersion"], manifest["kind"]
    try:
        if schema := schema_of(api_version, kind):
            jsonschema.validate(manifest, schema)
        else:
            kubernetes_validate.validate(manifest, "1.37", strict=True)
    except (jsonschema.ValidationError, kubernetes_validate.ValidationError) as error:
        return [f"{'.'.join(map(str, error.path))}: {error.message}"]
    except Exception as error:  # an unknown kind, a schema that is missing
        return [f"{type(error).__name__}: {error}"]
    return []


def problems_of_names(manifests):
    """What the schemas cannot see: names of others, labels and ports that nothing has."""
    found = []
    of_kind = lambda kind: [m for m in manifests if m["kind"] == kind]
    names = lambda kind: {m["metadata"]["name"] for m in of_kind(kind)}
    pods = [m["spec"]["template"] for m in of_kind("Deployment") + of_kind("Job")]
    selected = lambda labels: [p for p in pods if labels.items() <= p["metadata"]["labels"].items()]

    def expect(holds, manifest, text):
        if not holds:
            found.append(f"{manifest['kind']} {manifest['metadata']['name']}: {text}")

    seen = set()
    for manifest in manifests:
        kind, name, spec = manifest["kind"], manifest["metadata"]["name"], manifest.get("spec", {})
        expect((kind, name) not in seen, manifest, "is there twice")
        seen.add((kind, name))
        if kind != "Namespace":
            expect(manifest["metadata"].get("namespace") == "souk", manifest, "is not in the namespace souk")
        if kind in ("Deployment", "Job"):
            pod = spec["template"]["spec"]
            container = pod["containers"][0]
            account = pod.get("serviceAccountName")
            expect(account is None or account in names("ServiceAccount"), manifest, f"there is no ServiceAccount {account}")
            for source in container["envFrom"]:
                config = source.get("configMapRef", {}).get("name")
                expect(config is None or config in names("ConfigMap"), manifest, f"there is no ConfigMap {config}")
            volumes = {volume["name"] for volume in pod["volumes"]}
            for mount in container["volumeMounts"]:
                expect(mount["name"] in volumes, manifest, f"there is no volume {mount['name']}")
            for volume in pod["volumes"]:
                claim = volume.get("persistentVolumeClaim", {}).get("claimName")
                expect(claim is None or claim in names("PersistentVolumeClaim"), manifest, f"there is no claim {claim}")
        if kind in ("Service", "PodDisruptionBudget"):
            selector = spec["selector"].get("matchLabels", spec["selector"])
            chosen = selected(selector)
            expect(chosen, manifest, "selects no pods")
            expect(len({p["metadata"]["labels"]["app.kubernetes.io/component"] for p in chosen}) == 1, manifest, "selects pods of two kinds")
        if kind in ("NetworkPolicy", "AuthorizationPolicy"):
            selector = spec.get("podSelector", spec.get("selector"))["matchLabels"]
            expect(selected(selector), manifest, "selects no pods")
            peers = [peer for rule in spec.get("ingress", []) for peer in rule["from"]]
            peers += [peer for rule in spec.get("egress", []) for peer in rule.get("to", [])]
            for peer in peers:
                if "podSelector" in peer and "namespaceSelector" not in peer:
                    expect(selected(peer["podSelector"]["matchLabels"]), manifest, f"names pods that are not there: {peer}")
        if kind == "HorizontalPodAutoscaler":
            target = spec["scaleTargetRef"]["name"]
            expect(target in names("Deployment"), manifest, f"there is no Deployment {target}")
        if kind == "Ingress":
            for rule in spec["rules"]:
                for path in rule["http"]["paths"]:
                    service = path["backend"]["service"]["name"]
                    expect(service in names("Service"), manifest, f"there is no Service {service}")
        if kind == "VirtualService":
            expect(all(route.get("retries") == {"attempts": 0} for route in spec["http"]), manifest, "retries")
            for route in (route for http in spec["http"] for route in http["route"]):
                host = route["destination"]["host"]
                expect(host in names("Service"), manifest, f"there is no Service {host}")
    return found


def main():
    manifests = list(yaml.safe_load_all(sys.stdin))
    found = [
        f"{manifest['kind']} {manifest['metadata']['name']}: {problem}"
        for manifest in manifests
        for problem in problems_of_schema(manifest)
    ] or problems_of_names(manifests)
    for problem in found:
        print(f"{sys.argv[1]}: {problem}", file=sys.stderr)
    print(f"{sys.argv[1]}: {len(manifests)} manifests, {len(found)} problems")
    sys.exit(1 if found or not manifests else 0)


main()
