//! What is done for one subject: which sources are asked, in which order, and how often.

use std::{sync::Arc, time::Duration};

use signal_trace_core::{
    labels::Labels,
    workload::{Kind, Runtime},
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::sleep,
};

use super::{
    Subject, SubjectId,
    enricher::Report,
    options::Manager,
    worker::{Found, Reply, Request},
};

/// A container is seen before its engine has written down that it runs. After these times it is
/// asked again, if nobody knows it.
const AGAIN: [Duration; 7] = [
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(800),
    Duration::from_millis(2500),
];

/// Whom the questions go to.
#[derive(Clone)]
pub(super) struct Dispatcher {
    pub workers: Arc<[(Manager, mpsc::Sender<Request>)]>,
    pub reports: mpsc::UnboundedSender<Report>,
}

/// How a round of questions went.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Round {
    /// All that there is to know is known.
    Settled,
    /// Worth another one.
    Open,
}

/// Who is asked of a subject: those of a stage at once, the next stage if none of them knows it.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    stages: Vec<Vec<Manager>>,
    /// Worth asking again: the ones above may not know it yet.
    patient: bool,
    /// After that is given up.
    last: Vec<Manager>,
}

impl Dispatcher {
    /// Does all that is to be done for `subject`; what is learned is reported as it comes.
    pub async fn run(self, subject: Subject) {
        let plan = Plan::of(&subject.path);
        let mut round = self.round(&subject, &plan.stages).await;
        for pause in AGAIN.iter().filter(|_| plan.patient) {
            if round == Round::Settled {
                break;
            }
            sleep(*pause).await;
            round = self.round(&subject, &plan.stages).await;
        }
        if round == Round::Open && !plan.last.is_empty() {
            self.round(&subject, &[plan.last]).await;
        }
        self.report(Report::Done(SubjectId::of(&subject)));
    }

    async fn round(&self, subject: &Subject, stages: &[Vec<Manager>]) -> Round {
        let mut engines = Vec::new();
        let mut known = None;
        for stage in stages {
            let replies = self.ask(subject, stage);
            known = first_known(replies, &mut engines).await;
            if known.is_some() {
                break;
            }
        }
        let named = known.as_ref().is_some_and(|found| found.by.is_engine());
        if !named && !engines.is_empty() && engines.iter().all(|seen| *seen == Seen::Absent) {
            self.report(Report::NoEngine(Labels::of(&subject.path).kind));
        }
        let Some(found) = known else { return Round::Open };
        // While it is being started it has no process yet.
        let early = found.workload.pid1.is_none() && found.by.is_engine();
        // An engine is there and well, and will know more in a moment.
        let partial = !found.by.is_engine() && engines.contains(&Seen::Unknown);
        self.report(Report::Found(found));
        if early || partial { Round::Open } else { Round::Settled }
    }

    /// Asks all of `stage` at once.
    fn ask(&self, subject: &Subject, stage: &[Manager]) -> JoinSet<(Manager, Option<Reply>)> {
        let mut replies = JoinSet::new();
        for (kind, worker) in self.workers.iter().filter(|(kind, _)| stage.contains(kind)) {
            let (worker, kind, subject) = (worker.clone(), *kind, subject.clone());
            replies.spawn(async move {
                let (reply, answer) = oneshot::channel();
                // Neither fails while the enricher lives.
                let sent = worker.send(Request { subject, reply }).await;
                (kind, if sent.is_ok() { answer.await.ok() } else { None })
            });
        }
        replies
    }

    fn report(&self, report: Report) {
        // Nobody is there to hear it at the program's end.
        drop(self.reports.send(report));
    }
}

/// How an engine took a question that it did not answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Unknown,
    Absent,
    Busy,
}

/// The first answer; how the engines took it that had none goes to `engines`.
async fn first_known(
    mut replies: JoinSet<(Manager, Option<Reply>)>,
    engines: &mut Vec<Seen>,
) -> Option<Found> {
    while let Some(joined) = replies.join_next().await {
        let Ok((kind, Some(reply))) = joined else { continue };
        let seen = match reply {
            // The others are not waited for: their tasks end with the set.
            Reply::Known(found) => return Some(found),
            Reply::Unknown => Seen::Unknown,
            Reply::Absent => Seen::Absent,
            Reply::Busy => Seen::Busy,
        };
        if kind.is_engine() {
            engines.push(seen);
        }
    }
    None
}

impl Plan {
    fn of(path: &[u8]) -> Self {
        let labels = Labels::of(path);
        match labels.kind {
            Kind::Container => Self::container(labels.runtime),
            Kind::Cgroup => {
                Self { stages: vec![vec![Manager::Oci]], patient: true, last: Vec::new() }
            }
            Kind::Unit => Self::unit(labels.unit.unwrap_or_default()),
        }
    }

    fn container(runtime: Option<Runtime>) -> Self {
        let engines: Vec<_> = Manager::ALL.into_iter().filter(|kind| kind.is_engine()).collect();
        let first = match runtime {
            Some(Runtime::Docker) => Some(Manager::Docker),
            Some(Runtime::Podman) => Some(Manager::Podman),
            Some(Runtime::Containerd) => Some(Manager::Containerd),
            Some(Runtime::CriO) => Some(Manager::CriO),
            Some(Runtime::Runc | Runtime::Crun) | None => None,
        };
        let (first, others) = engines.into_iter().partition(|kind| Some(*kind) == first);
        Self { stages: vec![first, others, vec![Manager::Oci]], patient: true, last: Vec::new() }
    }

    fn unit(name: &[u8]) -> Self {
        let scope = name.ends_with(b".scope") && !name.starts_with(b"libpod-conmon-");
        // How runc and crun name theirs with the systemd driver. systemd knows it at once, and would
        // take it for any other scope; its state file is there a moment later.
        if scope && (name.starts_with(b"runc-") || name.starts_with(b"crun-")) {
            let stages = vec![vec![Manager::Oci]];
            return Self { stages, patient: true, last: vec![Manager::Systemd] };
        }
        let oci = if scope { vec![Manager::Oci] } else { Vec::new() };
        Self { stages: vec![oci, vec![Manager::Systemd]], patient: false, last: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn plan(path: &str) -> String {
        let plan = Plan::of(path.replace("$ID", ID).as_bytes());
        let names = |stage: &Vec<Manager>| {
            stage.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(" ")
        };
        let stages = plan.stages.iter().map(names).collect::<Vec<_>>().join(" | ");
        let last = names(&plan.last);
        format!("{stages}{}{last}", if plan.patient { " ... " } else { "" })
    }

    #[test]
    fn the_path_tells_who_is_asked() {
        for (path, expected) in [
            ("/docker/$ID", "docker | podman containerd cri-o | oci ... "),
            ("/docker/$ID/init", "docker | podman containerd cri-o | oci ... "),
            ("/machine.slice/libpod-$ID.scope", "podman | docker containerd cri-o | oci ... "),
            ("/kubepods.slice/x/crio-$ID.scope", "cri-o | docker podman containerd | oci ... "),
            ("/kubepods/pod1/$ID", " | docker podman containerd cri-o | oci ... "),
            ("/web", "oci ... "),
            ("/system.slice/runc-web.scope", "oci ... systemd"),
            ("/system.slice/other-web.scope", "oci | systemd"),
            ("/system.slice/nginx.service", " | systemd"),
            ("/machine.slice/libpod-conmon-$ID.scope", " | systemd"),
        ] {
            assert_eq!(plan(path), expected, "{path}");
        }
    }
}
