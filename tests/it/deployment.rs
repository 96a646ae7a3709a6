//! The Compose file and the manifests in `deploy/kubernetes` agree with the code: modules, ports, settings, and who calls whom.

use crate::harness::{modules, operations, ports, souk};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// All documents of a YAML file below `deploy/kubernetes`.
fn documents(file: &str) -> Vec<Value> {
    let path = root().join("deploy/kubernetes").join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_saphyr::from_multiple(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is not text"))
}

/// The variables of settings.env.
fn settings() -> Vec<(String, String)> {
    let text = fs::read_to_string(root().join("deploy/kubernetes/components/common/settings.env")).unwrap();
    let pairs = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// A caller and the module that it calls.
type Call = (String, String);

/// Who calls whom when every module is a process.
fn calls() -> BTreeSet<Call> {
    let by_gateway = operations().iter().filter(|op| op.public.is_some()).map(|op| ("gateway".into(), op.module.clone()));
    let by_modules = modules().iter().flat_map(|module| peers(module).into_iter().map(|peer| (module.clone(), peer)));
    by_gateway.chain(by_modules).chain(deliveries()).collect()
}

/// The modules whose clients a module asks for.
fn peers(module: &str) -> Vec<String> {
    let path = root().join("modules").join(module).join("src/start.rs");
    let file = syn::parse_file(&fs::read_to_string(&path).unwrap()).unwrap();
    let associated = file.items.iter().filter_map(|item| if let syn::Item::Impl(one) = item { Some(&one.items) } else { None });
    let named = associated.flatten().find_map(|item| match item {
        syn::ImplItem::Type(one) if one.ident == "Peers" => Some(&one.ty),
        _ => None,
    });
    let name = match named.unwrap_or_else(|| panic!("{} has no `type Peers`", path.display())) {
        syn::Type::Tuple(none) if none.elems.is_empty() => return Vec::new(),
        syn::Type::Path(name) => name.path.require_ident().unwrap(),
        _ => panic!("`type Peers` in {} is neither () nor a struct", path.display()),
    };
    let found = file.items.iter().find_map(|item| match item {
        syn::Item::Struct(one) if one.ident == *name => Some(&one.fields),
        _ => None,
    });
    let fields = found.unwrap_or_else(|| panic!("struct {name} is not in {}", path.display()));
    let of_field = |field: &syn::Field| {
        let syn::Type::Path(client) = &field.ty else { panic!("a field of {name} is no client") };
        let client = client.path.segments.last().unwrap().ident.to_string().to_lowercase();
        let peer = modules().iter().find(|peer| client == format!("{}client", peer.replace('_', "")));
        peer.unwrap_or_else(|| panic!("{client} in {} is no client of a module", path.display())).clone()
    };
    fields.iter().map(of_field).collect()
}

/// Publishers and their listeners: without a broker, a relay calls the listener.
fn deliveries() -> BTreeSet<Call> {
    let document: Value = serde_json::from_slice(&fs::read(root().join("openapi/asyncapi.json")).unwrap()).unwrap();
    let operations = document["operations"].as_object().unwrap().values();
    let (sent, received): (Vec<&Value>, Vec<&Value>) = operations.partition(|operation| operation["action"] == "send");
    let module = |operation: &Value| word(&operation["tags"][0]["name"]).to_owned();
    let publisher = |event: &Value| module(sent.iter().find(|sent| sent["channel"] == event["channel"]).unwrap());
    received.iter().map(|event| (publisher(event), module(event))).collect()
}

/// The callers of a module, and the modules that it calls.
fn around(module: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let calls = calls();
    let callers = calls.iter().filter(|(_, callee)| callee == module).map(|(caller, _)| caller.clone()).collect();
    (callers, calls.iter().filter(|(caller, _)| caller == module).map(|(_, callee)| callee.clone()).collect())
}

#[test]
fn generated_files_are_up_to_date() {
    let output = souk(&root(), &["generate", "--check"], &[]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // nor may a folder outlive its module
    let folders = fs::read_dir(root().join("deploy/kubernetes/overlays/split")).unwrap().map(|entry| entry.unwrap().path());
    let folders = folders.filter(|path| path.is_dir() && !path.ends_with("peers"));
    let names: BTreeSet<_> = folders.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(names, ports().keys().cloned().collect());
}

#[test]
fn network_policies_allow_the_calls_of_the_modules_and_no_others() {
    let policies = documents("overlays/split/network-policies.yaml");
    let labels = |module: &str| json!({"matchLabels": {"app.kubernetes.io/name": "souk", "app.kubernetes.io/component": module}});
    assert_eq!(policies.len(), ports().len(), "one policy for each process");
    for (module, port) in ports() {
        let name = format!("souk-{module}");
        let policy = policies.iter().find(|policy| policy["metadata"]["name"] == name).unwrap_or_else(|| panic!("no {name}"));
        let spec = &policy["spec"];
        assert_eq!(spec["podSelector"], labels(module));
        assert_eq!(spec["policyTypes"], json!(["Ingress", "Egress"]), "{module}");
        let (callers, callees) = around(module);

        let [ingress] = list(&spec["ingress"]) else { panic!("{module} needs one rule for its callers") };
        assert_eq!(ingress["ports"], json!([{"port": port}]), "{module}");
        let from: BTreeSet<String> = list(&ingress["from"]).iter().map(Value::to_string).collect();
        let expected: BTreeSet<String> = if module == "gateway" {
            assert!(callers.is_empty());
            [json!({"namespaceSelector": {"matchLabels": {"souk/role": "ingress"}}}).to_string()].into()
        } else {
            callers.iter().map(|caller| json!({"podSelector": labels(caller)}).to_string()).collect()
        };
        assert_eq!(from, expected, "the callers of {module}");

        let to: BTreeSet<String> = list(&spec["egress"]).iter().map(Value::to_string).collect();
        let expected = callees
            .iter()
            .map(|callee| json!({"to": [{"podSelector": labels(callee)}], "ports": [{"port": ports()[callee]}]}).to_string());
        assert_eq!(to, expected.collect(), "the modules that {module} calls");
    }
}

#[test]
fn the_mesh_allows_what_the_network_policies_allow_and_retries_nothing() {
    let policies = documents("components/istio/authorization-policies.yaml");
    let routes = documents("components/istio/routes.yaml");
    assert_eq!((policies.len(), routes.len()), (ports().len(), ports().len()));
    for (module, port) in ports() {
        let of = |documents: &[Value]| {
            let name = format!("souk-{module}");
            documents.iter().find(|one| one["metadata"]["name"] == name).unwrap_or_else(|| panic!("no {name}"))["spec"].clone()
        };
        let policy = of(&policies);
        assert_eq!(policy["selector"]["matchLabels"]["app.kubernetes.io/component"], json!(module));
        assert_eq!(policy["action"], "ALLOW", "{module}");
        let [rule] = list(&policy["rules"]) else { panic!("{module} needs one rule") };
        assert_eq!(rule["to"], json!([{"operation": {"ports": [port.to_string()]}}]), "{module}");
        let [from] = list(&rule["from"]) else { panic!("{module} needs one source") };
        if module != "gateway" {
            let principals: BTreeSet<_> = list(&from["source"]["principals"]).iter().map(word).map(str::to_owned).collect();
            let (callers, _) = around(module);
            let expected = callers.iter().map(|caller| format!("cluster.local/ns/souk/sa/souk-{caller}"));
            assert_eq!(principals, expected.collect(), "the callers of {module}");
        }
        for route in list(&of(&routes)["http"]) {
            assert_eq!(route["retries"], json!({"attempts": 0}), "{module}");
        }
    }
    let component = fs::read_to_string(root().join("deploy/kubernetes/components/istio/kustomization.yaml")).unwrap();
    let excluded = component.split("excludeInboundPorts: \"").nth(1).unwrap().split('"').next().unwrap();
    let excluded: BTreeSet<u16> = excluded.split(',').map(|port| port.parse().unwrap()).collect();
    assert_eq!(excluded, ports().values().map(|port| port + 100).collect(), "the operations listeners");
}

#[test]
fn the_settings_are_those_of_production() {
    let settings = settings();
    let mut given: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let check = |settings: &[(&str, &str)]| {
        let output = souk(Path::new("/"), &["config", "--check"], settings).output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    let (accepted, refusals) = check(&given);
    let refused: Vec<_> = refusals.lines().filter(|line| line.starts_with("refused")).collect();
    // the operator decides on this one
    assert!(!accepted && refused.len() == 1 && refused[0].contains("payment.provider"), "{refusals}");
    given.push(("SOUK_PAYMENT__ACCEPT_SANDBOX_IN_PRODUCTION", "true"));
    let (accepted, findings) = check(&given);
    assert!(accepted, "{findings}");
}

#[test]
fn a_process_may_stop_in_order() {
    let settings = settings();
    let seconds = |name: &str| settings.iter().find(|(known, _)| known == name).unwrap().1.parse::<u64>().unwrap();
    let needed = seconds("SOUK_DRAIN_SECONDS") + 2 * seconds("SOUK_SHUTDOWN_SECONDS");
    let pod = &documents("base/deployment.yaml")[0]["spec"]["template"]["spec"];
    let given = pod["terminationGracePeriodSeconds"].as_u64().unwrap();
    assert!(given > needed, "{given} s are too short for {needed} s");
    // or the cluster sets variables that souk refuses
    assert_eq!(pod["enableServiceLinks"], false);
}
