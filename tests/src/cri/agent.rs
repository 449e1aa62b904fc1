//! The node agent as the kubelet would start it from the chart's `DaemonSet`: its image, capabilities,
//! mounts, environment and configuration, and nothing else.

use std::{fs, path::PathBuf};

use serde_json::Value;

use super::{
    Cri, Pod,
    messages::{
        Capability, ContainerConfig, ContainerMetadata, ImageSpec, KeyValue, LinuxContainerConfig,
        LinuxContainerResources, LinuxContainerSecurityContext, Mount, NAMESPACE_CONTAINER,
        NAMESPACE_NODE, PROPAGATION_HOST_TO_CONTAINER, SecurityProfile,
    },
};
use crate::chart;

/// What a node gives that is not in the manifests.
#[derive(Clone, Debug)]
pub struct Node<'a> {
    /// Its name.
    pub name: &'a str,
    /// Of the pod.
    pub ip: &'a str,
    /// Folders that stand for host paths of the chart.
    pub paths: &'a [(&'a str, PathBuf)],
    /// More environment, as of `extraEnv`.
    pub environment: &'a [(&'a str, String)],
}

/// An agent that was started.
#[derive(Debug)]
pub struct Agent {
    /// Of its container.
    pub id: String,
    /// Of its process, as the node sees it.
    pub pid: i32,
    log: PathBuf,
}

/// The mode of the PID namespace that the pod needs.
pub fn pids(objects: &[Value]) -> i32 {
    let pod = &chart::object(objects, "DaemonSet")["spec"]["template"]["spec"];
    if pod["hostPID"] == true { NAMESPACE_NODE } else { NAMESPACE_CONTAINER }
}

impl Cri {
    /// Starts the agent of rendered manifests in a pod.
    pub fn start_agent(&self, pod: &Pod, objects: &[Value], node: &Node) -> Agent {
        let spec = &chart::object(objects, "DaemonSet")["spec"]["template"]["spec"];
        let container = &spec["containers"][0];
        let log = format!("{}.log", pod.id);
        let config = ContainerConfig {
            metadata: Some(ContainerMetadata { name: text(&container["name"]), attempt: 0 }),
            image: Some(ImageSpec { image: text(&container["image"]) }),
            args: texts(&container["args"]),
            envs: environment(&container["env"], node),
            mounts: self.mounts(spec, container, objects, node),
            log_path: log.clone(),
            linux: Some(LinuxContainerConfig {
                resources: Some(LinuxContainerResources {
                    memory_limit_in_bytes: bytes(&container["resources"]["limits"]["memory"]),
                }),
                security_context: Some(LinuxContainerSecurityContext {
                    namespace_options: pod
                        .config
                        .linux
                        .as_ref()
                        .and_then(|linux| linux.security_context.as_ref())
                        .and_then(|context| context.namespace_options.clone()),
                    ..security(&container["securityContext"])
                }),
            }),
            ..Default::default()
        };
        let (id, pid) = self.create_and_start(pod, config);
        Agent { id, pid, log: self.path().join(log) }
    }

    fn mounts(
        &self,
        spec: &Value,
        container: &Value,
        objects: &[Value],
        node: &Node,
    ) -> Vec<Mount> {
        let source = |name: &Value| {
            let volumes = spec["volumes"].as_array().expect("a list");
            let volume = volumes.iter().find(|volume| volume["name"] == *name).expect("one");
            if let Some(path) = volume["hostPath"]["path"].as_str() {
                let ours = node.paths.iter().find(|(theirs, _)| *theirs == path);
                return ours.map_or_else(|| PathBuf::from(path), |(_, ours)| ours.clone());
            }
            // The others are made by the kubelet.
            let folder = self.path().join(format!("volume-{}", text(name)));
            fs::create_dir_all(&folder).expect("the folder is ours");
            if let Some(map) = volume["configMap"]["name"].as_str() {
                let mut maps = objects.iter().filter(|object| object["kind"] == "ConfigMap");
                let map = maps.find(|object| object["metadata"]["name"] == map).expect("it");
                for (file, content) in map["data"].as_object().expect("files") {
                    fs::write(folder.join(file), text(content)).expect("the folder is ours");
                }
            }
            folder
        };
        let mounts = container["volumeMounts"].as_array().expect("a list").iter();
        mounts
            .map(|mount| Mount {
                container_path: text(&mount["mountPath"]),
                host_path: source(&mount["name"]).display().to_string(),
                readonly: mount["readOnly"] == true,
                propagation: match mount["mountPropagation"].as_str() {
                    Some("HostToContainer") => PROPAGATION_HOST_TO_CONTAINER,
                    Some(other) => panic!("what is {other}?"),
                    None => 0,
                },
            })
            .collect()
    }
}

impl Agent {
    /// What it wrote to its standard output, as lines.
    pub fn lines(&self) -> Vec<String> {
        self.stream("stdout")
    }

    /// What it wrote to its standard error.
    pub fn errors(&self) -> String {
        self.stream("stderr").join("\n")
    }

    /// Of the log that the runtime keeps: `TIME STREAM P|F TEXT`, in pieces where it is long (`P`).
    fn stream(&self, name: &str) -> Vec<String> {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let (mut lines, mut begun) = (Vec::new(), String::new());
        for line in log.lines() {
            let mut parts = line.splitn(4, ' ').skip(1);
            if parts.next() != Some(name) {
                continue;
            }
            let whole = parts.next() == Some("F");
            begun.push_str(parts.next().unwrap_or_default());
            if whole {
                lines.push(std::mem::take(&mut begun));
            }
        }
        lines
    }
}

fn security(context: &Value) -> LinuxContainerSecurityContext {
    let profile = |value: &Value| SecurityProfile {
        profile_type: match value["type"].as_str() {
            Some("RuntimeDefault") => 0,
            Some("Unconfined") => 1,
            other => panic!("no profile of that type is tested: {other:?}"),
        },
    };
    assert_eq!(context["privileged"], false);
    LinuxContainerSecurityContext {
        capabilities: Some(Capability {
            add_capabilities: texts(&context["capabilities"]["add"]),
            drop_capabilities: texts(&context["capabilities"]["drop"]),
        }),
        run_as_user: context["runAsUser"].as_i64(),
        readonly_rootfs: context["readOnlyRootFilesystem"] == true,
        no_new_privs: context["allowPrivilegeEscalation"] == false,
        seccomp: Some(profile(&context["seccompProfile"])),
        apparmor: Some(profile(&context["appArmorProfile"])),
        ..Default::default()
    }
}

/// With `$(NAME)` replaced by what was set before, as the kubelet does it.
pub fn environment(list: &Value, node: &Node) -> Vec<KeyValue> {
    let mut envs: Vec<KeyValue> = Vec::new();
    for env in list.as_array().expect("a list") {
        let value = match env["valueFrom"]["fieldRef"]["fieldPath"].as_str() {
            Some("spec.nodeName") => node.name.to_owned(),
            Some("status.podIP") => node.ip.to_owned(),
            Some(other) => panic!("what is {other}?"),
            None => envs.iter().fold(text(&env["value"]), |value, before| {
                value.replace(&format!("$({})", before.key), &before.value)
            }),
        };
        envs.push(KeyValue { key: text(&env["name"]), value });
    }
    let more = node.environment.iter();
    envs.extend(more.map(|(key, value)| KeyValue { key: (*key).to_owned(), value: value.clone() }));
    envs
}

fn bytes(quantity: &Value) -> i64 {
    let text = text(quantity);
    let number = text.strip_suffix("Mi").expect("in MiB");
    number.parse::<i64>().expect("a number") << 20
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().expect("a list").iter().map(text).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}
