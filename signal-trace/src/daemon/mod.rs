//! The node agent: capture, pipeline and outlets, from the start to an orderly end.

pub mod config;
mod enabled;
mod fan_out;
mod health;
mod service;
mod signals;

use std::{
    cell::RefCell,
    path::{Path, PathBuf},
    rc::Rc,
    time::Duration,
};

use anyhow::Context as _;
use sd_notify::NotifyState;
use tokio::time::{interval, sleep, timeout};

use self::{
    config::{Config, ConfigError, Source},
    fan_out::{FanOut, Shared},
    service::{Watchdog, notify},
    signals::{Asked, Signals},
};
use crate::{
    capture::{Capture, Options, procfs::Root},
    enrich::{self, KubeConfig},
    harden::{self, Plan},
    host,
    kernel::{LoadOptions, watch},
    memory,
    metrics::{
        Build, Metrics, Phase,
        server::{self, Server},
    },
    pipeline::Pipeline,
    question::Question,
    recording::Header,
};

/// What outlets have to deliver the last lines after SIGTERM, with which the whole ends within a
/// second.
const LAST_DELIVERIES: Duration = Duration::from_millis(600);
/// What outlets have to deliver their first line before we call ourselves ready.
const FIRST_DELIVERIES: Duration = Duration::from_millis(500);
/// How often figures are brought up to date.
const BEAT: Duration = Duration::from_secs(1);
/// How often memory that a storm took is given back.
const TRIM: Duration = Duration::from_secs(60);

/// Where the configuration comes from, at the start and at each SIGHUP.
#[derive(Clone, Debug)]
pub struct Settings {
    file: Option<PathBuf>,
    overrides: Vec<Source>,
}

impl Settings {
    /// The file, if any, and what lies over it.
    pub const fn new(file: Option<PathBuf>, overrides: Vec<Source>) -> Self {
        Self { file, overrides }
    }

    /// The file.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Reads it, as at the start.
    ///
    /// # Errors
    /// As [`config::load`].
    pub fn load(&self) -> Result<Config, ConfigError> {
        config::load(self.file(), &self.overrides)
    }
}

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// What the kernel or the user's privileges lack, at the start; later, what makes it blind.
pub async fn run(settings: &Settings, config: Config) -> anyhow::Result<()> {
    memory::share_heaps();
    // First of all: from here on they end us in order.
    let mut signals = Signals::new().context("cannot handle signals")?;
    let managers = managers(&config)?;
    let proc = if config.host_proc == Path::new("/proc") {
        Root::default()
    } else {
        Root::at(&config.host_proc)?
    };
    let mut engine = config.to_engine();
    engine.signal_mask = watch::mask(config.stop_signals());
    engine.asks_managers = managers.asks_anybody();
    let load = LoadOptions { signal_mask: engine.signal_mask, ..LoadOptions::default() };
    let options = Options { load, managers, proc };
    let attached = Capture::attach(&options)?;
    let listener =
        config.metrics.enabled.then(|| server::bind(config.metrics.listen)).transpose()?;
    // No thread has been started yet: all inherit this.
    harden(&config, &options.managers, &options.proc);
    let mut capture = attached.start()?;
    let header = host::header(config.node.as_deref(), &options.proc, &capture, engine)?;

    let metrics = config.metrics.enabled.then(|| metrics(&config, &header));
    let serving = listener.zip(metrics.clone()).map(|(listener, metrics)| {
        Server::start(listener, metrics).context("cannot start the thread that serves the metrics")
    });
    let _server = serving.transpose()?;
    let fan = Shared(Rc::new(RefCell::new(FanOut::new(metrics.clone()))));
    if let Some((name, error)) = fan.0.borrow_mut().apply(&config.sinks).pop() {
        anyhow::bail!("cannot start the sink {name}: {error}");
    }
    let mut pipeline = Pipeline::new(header, Box::new(fan.clone()), None, Question::default())?;
    capture.snapshot(&mut pipeline)?;
    let watchdog = Watchdog::new();
    let mut agent = Agent { settings, config, fan, metrics, reload_failed: false, watchdog };
    agent.wait_for_sinks().await;
    agent.beat(&capture, &pipeline)?;
    agent.set_phase(Phase::Ready);
    notify(&[NotifyState::Ready]);
    tracing::info!("tracing this node");

    agent.trace(&mut capture, &mut pipeline, &mut signals).await?;
    agent.end(capture, pipeline, &mut signals).await
}

/// Gives up what is not needed any more, and says how far that went.
fn harden(config: &Config, managers: &enrich::Options, proc: &Root) {
    if !config.hardening.enabled {
        return;
    }
    let of_api = managers.kube().map(KubeConfig::port);
    let plan = Plan {
        writable: enabled::folders(&config.sinks),
        connect_ports: enabled::ports(&config.sinks).into_iter().chain(of_api).collect(),
        proc: proc.clone(),
    };
    let outcome = harden::apply(&plan);
    if outcome.is_complete() {
        tracing::info!("hardened: {outcome}");
    } else {
        tracing::warn!("hardened as far as this machine lets us: {outcome}");
    }
}

fn metrics(config: &Config, header: &Header) -> Metrics {
    let start = Duration::from_nanos(u64::try_from(header.clock.wall_ns).unwrap_or(0));
    let build = Build {
        version: header.version.clone(),
        kernel: header.kernel.clone(),
        abi: header.abi,
        start_time_seconds: start.as_secs_f64(),
    };
    Metrics::new(config.metrics.to_options(), build)
}

fn managers(config: &Config) -> anyhow::Result<enrich::Options> {
    let flags: Vec<_> = config.runtimes.iter().map(|manager| manager.flag.clone()).collect();
    let managers = enrich::Options::from_flags(&flags);
    Ok(if config.kube_api { managers.with_kube(KubeConfig::in_cluster()?) } else { managers })
}

/// What lives as long as the session.
struct Agent<'a> {
    settings: &'a Settings,
    config: Config,
    fan: Shared,
    metrics: Option<Metrics>,
    reload_failed: bool,
    watchdog: Watchdog,
}

impl Agent<'_> {
    /// So that whoever starts after us finds a socket to connect to. Not for long: a sink that
    /// hangs is no reason not to trace.
    async fn wait_for_sinks(&self) {
        let begun = async {
            while !self.fan.0.borrow().has_begun() {
                sleep(Duration::from_millis(2)).await;
            }
        };
        if timeout(FIRST_DELIVERIES, begun).await.is_err() {
            tracing::warn!("a sink has not taken its first line yet; it is waited for no longer");
        }
    }

    /// Traces until it is told to end.
    async fn trace(
        &mut self,
        capture: &mut Capture,
        pipeline: &mut Pipeline,
        signals: &mut Signals,
    ) -> anyhow::Result<()> {
        let mut beat = interval(BEAT);
        let mut trim = interval(TRIM);
        loop {
            tokio::select! {
                // Signals first: a storm of events must not keep us from ending.
                biased;
                asked = signals.next() => match asked {
                    Asked::End => return Ok(()),
                    Asked::Reload => self.reload(),
                },
                _ = beat.tick() => self.beat(capture, pipeline)?,
                _ = trim.tick() => memory::give_back(),
                () = self.watchdog.due() => notify(&[NotifyState::Watchdog]),
                ready = capture.ready() => ready?,
            }
            capture.pump(pipeline)?;
        }
    }

    /// Reads the configuration again; one that is wrong changes nothing.
    fn reload(&mut self) {
        if let Ok(now) = NotifyState::monotonic_usec_now() {
            notify(&[NotifyState::Reloading, now]);
        }
        match self.settings.load() {
            Ok(new) => {
                let late = self.config.needs_restart(&new);
                if !late.is_empty() {
                    tracing::warn!("takes effect at the next start only: {}", late.join(", "));
                }
                let mut fan = self.fan.0.borrow_mut();
                fan.reopen();
                for (name, error) in fan.apply(&new.sinks) {
                    tracing::error!("cannot start the sink {name}: {error}");
                }
                if let Some(metrics) = &self.metrics {
                    metrics.set_options(new.metrics.to_options());
                }
                self.config.metrics.labels = new.metrics.labels;
                self.config.metrics.max_series = new.metrics.max_series;
                self.config.sinks = new.sinks;
                self.reload_failed = false;
                tracing::info!("the configuration was read again");
            }
            Err(error) => {
                self.reload_failed = true;
                tracing::error!("the configuration stays as it was: {error}");
                self.fan.0.borrow().reopen();
            }
        }
        notify(&[NotifyState::Ready]);
    }

    fn beat(&self, capture: &Capture, pipeline: &Pipeline) -> anyhow::Result<()> {
        let mut fan = self.fan.0.borrow_mut();
        fan.forget_ended();
        if let Some(metrics) = &self.metrics {
            metrics.set_health(health::health(capture, pipeline, &fan, self.reload_failed)?);
        }
        Ok(())
    }

    fn set_phase(&self, phase: Phase) {
        if let Some(metrics) = &self.metrics {
            metrics.set_phase(phase);
        }
    }

    /// Closes the timelines as they stand, and delivers what is there.
    async fn end(
        self,
        mut capture: Capture,
        mut pipeline: Pipeline,
        signals: &mut Signals,
    ) -> anyhow::Result<()> {
        self.set_phase(Phase::Draining);
        notify(&[NotifyState::Stopping]);
        capture.finish(&mut pipeline)?;
        // Detaching waits for RCU grace periods of the kernel: meanwhile, lines get out.
        let detaching = std::thread::spawn(move || drop(capture));
        pipeline.finish()?;
        let outlets = {
            let mut fan = self.fan.0.borrow_mut();
            fan.close();
            fan.take_all()
        };
        let all = async {
            for outlet in &outlets {
                outlet.ended().await;
            }
        };
        let ended = tokio::select! {
            ended = timeout(LAST_DELIVERIES, all) => ended.is_ok(),
            () = signals.end() => {
                tracing::warn!("told to end again: no sink is waited for any more");
                false
            }
        };
        if !ended {
            for outlet in outlets.iter().filter(|outlet| outlet.waiting() > 0) {
                let (name, lines) = (outlet.name(), outlet.waiting());
                tracing::warn!("{lines} lines did not get out of the sink {name} in time");
            }
        }
        // A panic there was told of.
        let _ = detaching.join();
        tracing::info!("ended");
        Ok(())
    }
}
