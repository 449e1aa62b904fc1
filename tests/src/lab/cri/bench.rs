//! What the kubelet does to stop a container, and the runtime that it does it with.

use std::{
    path::PathBuf,
    sync::{
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    time::Duration,
};

use super::super::{
    System,
    case::{Case, Got, run_all},
    pods::in_namespace,
    row::Row,
};
use crate::{
    clock::boot_ns,
    cri::{ContainerSpec, Cri, Pod, PodSpec},
    expected::Expected,
    image,
    session::{Session, wait_until_told},
};

/// How many cases run side by side: most of their time is waiting.
const AT_A_TIME: usize = 6;
/// What the kubelet gives a container at least after its hook (`minimumGracePeriodInSeconds`).
const LEAST_SECONDS: u64 = 2;
/// Where pods are.
const NAMESPACE: &str = "st-test";

/// See above.
#[derive(Debug)]
pub(super) struct Bench {
    pub(super) cri: Cri,
    recording: PathBuf,
}

/// A container that runs.
#[derive(Debug)]
pub(super) struct Started<'a> {
    bench: &'a Bench,
    pub(super) id: String,
    pub(super) pid: i32,
    grace: u32,
    hook: Option<&'a [&'a str]>,
}

pub(super) fn run(system: &System, cases: &[Case<Bench>]) -> Vec<Row> {
    let cri = Cri::start();
    let session = Session::start(&["--runtime", &cri.runtime_argument()]);
    let bench = Bench { cri, recording: session.recording().to_owned() };
    run_all(system, bench, session, cases, AT_A_TIME)
}

/// A container with a shell script.
pub(super) fn container<'a>(command: &'a [&'a str], grace: u32) -> ContainerSpec<'a> {
    ContainerSpec { name: "app", command, image: image::BUSYBOX, grace, ..Default::default() }
}

impl Bench {
    /// Starts a pod of that name.
    pub(super) fn pod(&self, name: &str) -> Pod {
        self.cri.run_pod(&pod(name))
    }

    /// Starts a container in a pod; signal-trace has been told of it then.
    pub(super) fn start<'a>(&'a self, pod: &Pod, spec: &ContainerSpec<'a>) -> Started<'a> {
        let (id, pid) = self.cri.start_container(pod, spec);
        wait_until_told(&self.recording, &id);
        Started { bench: self, id, pid, grace: spec.grace, hook: spec.pre_stop }
    }

    /// A script alone in a pod, which is stopped.
    pub(super) fn stopped(&self, name: &str, script: &str, grace: u32) -> Got {
        self.stopped_with(name, script, grace, None)
    }

    /// The same, with a hook.
    pub(super) fn stopped_with(
        &self,
        name: &str,
        script: &str,
        grace: u32,
        hook: Option<&[&str]>,
    ) -> Got {
        let command = ["sh", "-c", script];
        let spec = ContainerSpec { pre_stop: hook, ..container(&command, grace) };
        let pod = self.pod(name);
        self.start(&pod, &spec).stop()
    }
}

impl Started<'_> {
    /// Stops it as `killContainer()` of the kubelet does (`pkg/kubelet/kuberuntime`).
    pub(super) fn stop(&self) -> Got {
        let grace = u64::from(self.grace);
        std::thread::scope(|scope| {
            self.end(|| {
                let took = self.hook.map_or(0, |hook| {
                    let before = boot_ns();
                    let (done, wait) = mpsc::channel();
                    scope.spawn(move || {
                        // Cut off with the container, it has no exit code.
                        let _result = self.bench.cri.try_exec_sync(&self.id, hook);
                        let _nobody_waits = done.send(());
                    });
                    let _late = wait.recv_timeout(Duration::from_secs(grace));
                    Duration::from_nanos(boot_ns() - before).as_secs()
                });
                self.stop_within(grace.saturating_sub(took).max(LEAST_SECONDS));
            })
        })
    }

    /// Kills it as the kubelet does when it evicts a pod at once.
    pub(super) fn evict(&self) -> Got {
        self.end(|| self.stop_within(0))
    }

    /// What became of it after something that ends it.
    pub(super) fn end(&self, by: impl FnOnce()) -> Got {
        let before = boot_ns();
        by();
        let exit = self.bench.cri.containerd().exit_of(&self.id, Duration::from_secs(60));
        let seconds = Duration::from_nanos(boot_ns() - before).as_secs_f64();
        let status = self.bench.cri.status_at_the_end(&self.id);
        assert_eq!(i64::from(status.exit_code), exit.code, "containerd's event says otherwise");
        // It says no more than the exit code otherwise.
        let reason = Some(status.reason).filter(|reason| reason == "OOMKilled");
        Got {
            id: self.id.clone(),
            pid: self.pid,
            exit_code: exit.code,
            seconds,
            facts: reason.into_iter().collect(),
            also: Vec::new(),
        }
    }

    fn stop_within(&self, seconds: u64) {
        self.bench.cri.stop_container(&self.id, i64::try_from(seconds).expect("a short time"));
    }
}

/// A pod with a uid that no other has.
pub(super) fn pod(name: &str) -> PodSpec {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    PodSpec::burstable(name, &format!("{:08x}-0000-4000-8000-{count:012x}", std::process::id()))
}

/// What is said of every container of a pod: who it is, and its grace period.
pub(super) fn in_pod(expected: Expected, pod: &str, container: &str, grace: u32) -> Expected {
    in_namespace(expected, NAMESPACE, container, grace).says("workload/kubernetes/pod", pod)
}
