//! The generator against the reference server, as processes: what it reports, and how it exits.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// A running reference server; it ends with the test.
struct Server {
    process: Child,
    url: String,
}

impl Server {
    fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_bare-socketioxide"))
            .args(["--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the reference server was built");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("it is piped"))
            .read_line(&mut line)
            .expect("the server says where it listens");
        let url = line.trim().strip_prefix("listening on ").expect("an address").to_owned();
        Self { process, url }
    }

    fn load(&self, scenario: &[&str]) -> Output {
        let pid = self.process.id().to_string();
        Command::new(env!("CARGO_BIN_EXE_loadtest"))
            .args(["--bare", "--json", "--url", &self.url, "--server-pid", &pid])
            .args(scenario)
            .output()
            .expect("the generator was built")
    }

    /// The report of a run that has to succeed.
    fn report(&self, scenario: &[&str]) -> Value {
        let output = self.load(scenario);
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).expect("one JSON object")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().expect("it is our child");
        self.process.wait().expect("it is our child");
    }
}

#[test]
fn every_delivery_of_one_large_group_is_accounted_for() {
    let report = Server::start().report(&[
        "fanout",
        "--receivers",
        "50",
        "--rate",
        "50",
        "--duration",
        "1",
        "--warmup",
        "0.2",
    ]);
    assert_eq!((&report["schema"], &report["scenario"]), (&1.into(), &"fanout".into()));
    assert_eq!((&report["messages"], &report["acked"]), (&60.into(), &60.into()));
    assert_eq!((&report["deliveries"], &report["lost"]), (&3_000.into(), &0.into()));
    assert_eq!(report["delivery"]["count"], 2_500, "the warm-up is not measured");
}

#[test]
fn groups_do_not_hear_each_other() {
    let report = Server::start().report(&[
        "chat",
        "--groups",
        "4",
        "--members",
        "5",
        "--rate",
        "100",
        "--duration",
        "0.5",
        "--warmup",
        "0",
    ]);
    assert_eq!((&report["deliveries"], &report["stray"]), (&250.into(), &0.into()));
}

#[test]
fn idle_connections_are_weighed() {
    let report = Server::start().report(&["idle", "--connections", "200", "--hold", "0.1"]);
    let kib = report["kib_per_connection"].as_f64().unwrap();
    assert!((5.0..200.0).contains(&kib), "{kib} KiB");
}

#[test]
fn closed_loops_report_a_rate() {
    let server = Server::start();
    for scenario in ["rtt", "senders"] {
        let report = server.report(&[scenario, "--duration", "0.2", "--warmup", "0"]);
        assert!(report["acked_per_second"].as_f64().unwrap() > 0.0, "{report}");
    }
}

#[test]
fn a_target_that_is_not_there_is_an_error() {
    let mut server = Server::start();
    server.url = "http://127.0.0.1:1".into();
    let output = server.load(&["rtt"]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("refused"), "{output:?}");
}
