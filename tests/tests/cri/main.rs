//! Containers in pods, stopped through CRI as the kubelet does it: pod, namespace, uid, container,
//! `terminationGracePeriodSeconds`, preStop hooks. The truth is `ContainerStatus`, and containerd's
//! events for the pids.

mod shown;

use std::time::Duration;

use serde_json::{Value, json};
use signal_trace_tests::{
    clock::boot_ns,
    cri::{ContainerSpec, Cri, Pod, PodSpec, messages::NAMESPACE_POD},
    expected::{self, Expected},
    image,
    session::Session,
};

const CLEAN: &str = "trap 'exit 3' TERM; : > /tmp/up; while :; do sleep 0.05; done";
const CLEAN_USR1: &str = "trap 'exit 0' USR1; : > /tmp/up; while :; do sleep 0.05; done";
const DEAF: &str = "trap '' TERM; : > /tmp/up; while :; do sleep 1; done";
const SLOW: &str = "trap 'sleep 2.5; exit 0' TERM; : > /tmp/up; while :; do sleep 0.05; done";
const WITHOUT_HANDLER: &str = ": > /tmp/up; exec sleep 100";

const WEB_UID: &str = "0a1b2c3d-0000-4000-8000-00000000000a";
const SHARED_UID: &str = "0a1b2c3d-0000-4000-8000-00000000000b";
const ODD_UID: &str = "0a1b2c3d-0000-4000-8000-00000000000c";

/// What wants to be something else in the output.
const ODD: &str = "a\"b\\c\u{1b}[31mRED\u{7}\nFORGED pod st-forged was killed\r\t\u{202e}";

/// A container of the test that has ended.
struct Ended {
    id: String,
    pid: i32,
    expected: Expected,
}

/// The runtime, and who watches it.
#[derive(Clone, Copy)]
struct Watched<'a>(&'a Cri, &'a Session);

impl Watched<'_> {
    /// Starts a container that has been asked about when this returns.
    fn start(self, pod: &Pod, spec: &ContainerSpec) -> (String, i32) {
        let Self(cri, session) = self;
        let (id, pid) = cri.start_container(pod, spec);
        session.wait_until_told(&id);
        (id, pid)
    }
}

#[test]
fn what_cri_says_of_containers_in_pods_is_told() {
    let cri = Cri::start();
    let session = Session::start(&["--runtime", &cri.runtime_argument()]);

    let mut web = PodSpec::burstable("web-7d9c5b6f4-x2x9k", WEB_UID);
    web.labels = [("app", "web"), ("app.kubernetes.io/part-of", "shop"), ("of-no-use", "1")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .to_vec();
    let web = cri.run_pod(&web);
    let mut shared = PodSpec::burstable("shared", SHARED_UID).in_slices();
    shared.pids = NAMESPACE_POD;
    let shared = cri.run_pod(&shared);
    let mut odd = PodSpec::burstable(ODD, ODD_UID);
    odd.namespace = "other".to_owned();
    odd.labels = vec![("app".to_owned(), ODD.to_owned()), ("k8s-app".to_owned(), long())];
    let odd = cri.run_pod(&odd);

    let all: Vec<Ended> = std::thread::scope(|scope| {
        let (cri, web, shared, odd) = (Watched(&cri, &session), &web, &shared, &odd);
        let threads = [
            scope.spawn(move || clean(cri, web)),
            scope.spawn(move || deaf(cri, web)),
            scope.spawn(move || with_hook(cri, web)),
            scope.spawn(move || with_hook_that_takes_all(cri, web)),
            scope.spawn(move || image_signal(cri, web)),
            scope.spawn(move || below_pause(cri, shared)),
            scope.spawn(move || hostile(cri, odd)),
        ];
        threads.into_iter().map(|thread| thread.join().expect("CRI works")).collect()
    });
    let pods = [web, shared, odd];
    for pod in &pods {
        cri.remove_pod(&pod.id).expect("it is there");
    }

    session.wait_for_shutdowns(&all.iter().map(|container| container.pid).collect::<Vec<_>>());
    let recorded = session.finish();
    let mut faults = recorded.lines.losses();
    for container in &all {
        faults.extend(container.expected.faults(&recorded.lines));
        let (id, pid) = (&container.id, container.pid);
        faults.extend(expected::unnamed(&recorded.lines, id, "containerd", pid));
    }
    for pod in &pods {
        faults.extend(shown::faults_of_pause(pod, &recorded.lines));
    }
    faults.extend(shown::faults_of_filters(&all, &recorded));
    faults.extend(shown::faults_of_text(&recorded));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn spec<'a>(name: &'a str, command: &'a [&'a str], grace: u32) -> ContainerSpec<'a> {
    ContainerSpec { name, command, image: image::BUSYBOX, grace, ..Default::default() }
}

/// Stops it, and says what must be told of it.
fn stop(
    Watched(cri, _): Watched,
    uid: &str,
    spec: &ContainerSpec,
    (id, pid): (String, i32),
    wait: i64,
) -> Ended {
    cri.stop_container(&id, wait);
    let status = cri.status(&id);
    let expected = Expected::of(spec.name, pid)
        .says("workload/kind", "container")
        .says("workload/runtime", "containerd")
        .says("workload/id", id.as_str())
        .says("workload/name", spec.name)
        .says("workload/image", spec.image)
        .says("workload/kubernetes/container", spec.name)
        .says("workload/kubernetes/uid", uid)
        .says("workload/kubernetes/namespace", "st-test")
        .grace(f64::from(spec.grace), "kubernetes")
        .exit_code(status.exit_code.into());
    let expected = match spec.pre_stop {
        None => expected.says("grace/pre_stop", Value::Null),
        Some(_) => expected,
    };
    Ended { id, pid, expected }
}

fn clean(cri: Watched, pod: &Pod) -> Ended {
    let spec = spec("st-clean", &["sh", "-c", CLEAN], 20);
    let started = cri.start(pod, &spec);
    let mut ended = stop(cri, WEB_UID, &spec, started, 20);
    ended.expected = ended
        .expected
        .verdicts("graceful", "graceful")
        .says("stop/signal", "SIGTERM")
        // Nothing says it: it is what CRI means without a word.
        .says_one_of(
            "workload/stop_signal",
            &[
                Value::Null,
                json!({ "signal": "SIGTERM", "source": "cri" }),
                json!({ "signal": "SIGTERM", "source": "image" }),
            ],
        )
        .says("workload/kubernetes/pod", "web-7d9c5b6f4-x2x9k")
        .says("workload/labels/app", "web")
        .says("workload/labels/app.kubernetes.io~1part-of", "shop")
        .says("workload/labels/of-no-use", Value::Null);
    ended
}

fn deaf(cri: Watched, pod: &Pod) -> Ended {
    let spec = spec("st-deaf", &["sh", "-c", DEAF], 2);
    let started = cri.start(pod, &spec);
    let mut ended = stop(cri, WEB_UID, &spec, started, 2);
    ended.expected = ended
        .expected
        .verdicts("forced", "ignored")
        .says("process/killed_by", "runtime")
        .says_within("grace/used_seconds", 1.9..=12.0)
        .finds("pid1-ignores-stop-signal");
    ended
}

/// The kubelet's way: the hook first, then the signal with what is left of the grace.
fn with_hook(cri: Watched, pod: &Pod) -> Ended {
    let hook = ["sleep", "1"];
    let mut spec = spec("st-hook", &["sh", "-c", CLEAN], 8);
    spec.pre_stop = Some(&hook);
    let started = cri.start(pod, &spec);
    let began = boot_ns();
    let (code, hook_pid) = cri.0.exec_sync(&started.0, &hook);
    let took = Duration::from_nanos(boot_ns() - began);
    assert_eq!(code, 0, "the hook");
    let left = 8 - i64::try_from(took.as_secs()).expect("a short time");
    let mut ended = stop(cri, WEB_UID, &spec, started, left);
    ended.expected = ended
        .expected
        .verdicts("graceful", "graceful")
        .says_within("grace/pre_stop/seconds", 0.9..=took.as_secs_f64())
        .says("grace/pre_stop/process/pid", hook_pid)
        .says("grace/pre_stop/process/comm", "sleep");
    ended
}

/// A hook that leaves too little: the process would have needed less than the grace by itself.
fn with_hook_that_takes_all(cri: Watched, pod: &Pod) -> Ended {
    let hook = ["sleep", "2.5"];
    let slow = ["sh", "-c", SLOW];
    let mut spec = spec("st-hook-long", &slow, 4);
    spec.pre_stop = Some(&hook);
    let started = cri.start(pod, &spec);
    let (code, hook_pid) = cri.0.exec_sync(&started.0, &hook);
    assert_eq!(code, 0, "the hook");
    let mut ended = stop(cri, WEB_UID, &spec, started, 1);
    ended.expected = ended
        .expected
        .verdicts("forced", "overran")
        .says("process/killed_by", "runtime")
        .says_within("grace/pre_stop/seconds", 2.4..=12.0)
        .says("grace/pre_stop/process/pid", hook_pid)
        .finds("grace-period-exceeded")
        .finds("prestop-consumed-grace");
    ended
}

fn image_signal(cri: Watched, pod: &Pod) -> Ended {
    let mut spec = spec("st-usr1", &["sh", "-c", CLEAN_USR1], 30);
    spec.image = image::USR1;
    let started = cri.start(pod, &spec);
    let mut ended = stop(cri, WEB_UID, &spec, started, 30);
    ended.expected = ended
        .expected
        .verdicts("graceful", "graceful")
        .stop_signal("SIGUSR1", "image")
        .says_one_of("workload/stop_signal/source", &[json!("image"), json!("cri")]);
    ended
}

/// Not PID 1: the default action works.
fn below_pause(cri: Watched, pod: &Pod) -> Ended {
    let spec = spec("st-shared", &["sh", "-c", WITHOUT_HANDLER], 5);
    let started = cri.start(pod, &spec);
    let mut ended = stop(cri, SHARED_UID, &spec, started, 5);
    ended.expected = ended
        .expected
        .verdicts("default-action", "default-action")
        .says("workload/kubernetes/pod", "shared");
    ended
}

/// containerd takes labels of no more than 4 KiB.
fn long() -> String {
    format!("{ODD}{}", "\u{e9}".repeat(1900))
}

/// Nobody checks these names on the way.
fn hostile(cri: Watched, pod: &Pod) -> Ended {
    let spec = spec(ODD, &["sh", "-c", CLEAN], 5);
    let started = cri.start(pod, &spec);
    let mut ended = stop(cri, ODD_UID, &spec, started, 5);
    ended.expected = ended
        .expected
        .verdicts("graceful", "graceful")
        .says("workload/kubernetes/pod", ODD)
        .says("workload/kubernetes/namespace", "other")
        .says("workload/labels/app", ODD)
        .says("workload/labels/k8s-app", long());
    ended
}
