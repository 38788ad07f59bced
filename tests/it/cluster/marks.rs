//! Up to when sessions are told that they have everything, and what operators see of it.

use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::value::RawValue;
use tokio::time::timeout;
use vibetalk::chat::Chat;
use vibetalk::gateway::fanout::command::FanoutCommand;
use vibetalk::gateway::fanout::{FanoutHandle, MARK_PARTS};
use vibetalk::gateway::marks::run_marks;
use vibetalk::model::time_budget::SETTLED_MS;

use super::super::chat::NOW_MS;
use super::super::chat::messages::content;
use super::{Cluster, Screen};

/// What `node` shows of its watermark and is not 0.
fn shown(node: &Chat) -> Vec<String> {
    let recorder = PrometheusBuilder::new().build_recorder();
    metrics::with_local_recorder(&recorder, || node.settled_until_ms());
    let shown = recorder.handle().render();
    let lines = shown.lines().filter(|line| line.starts_with("vibetalk") && !line.ends_with(" 0"));
    let mut lines: Vec<String> =
        lines.map(|line| line.replace("vibetalk_sync_mark_", "")).collect();
    lines.sort_unstable();
    lines
}

#[tokio::test]
async fn operators_see_which_nodes_marks_wait_for_what() {
    let cluster = Cluster::of(2);
    let (one, other) = cluster.both();
    let ada = cluster.person().await;
    let (_, channel_id) = one.group(ada).await;
    let all_say_that_they_live = async || {
        for node in [one, other] {
            node.say_alive().await;
        }
        cluster.settle().await;
    };
    all_say_that_they_live().await;
    for node in [one, other] {
        assert_eq!(shown(node), ["age_seconds 45"]);
    }

    cluster.broker.refuse(one.id);
    one.create_message(ada, channel_id, content("not announced")).await.unwrap();
    cluster.broker.accept(one.id);
    cluster.clock.set(NOW_MS + 60_000);
    all_say_that_they_live().await;
    assert_eq!(shown(one), ["age_seconds 105", r#"held{reason="debt"} 1"#]);
    assert_eq!(shown(other), ["age_seconds 105", r#"held{reason="peer"} 1"#]);
}

#[tokio::test(start_paused = true)]
async fn sessions_get_their_marks_one_part_after_the_other() {
    let cluster = Cluster::of(1);
    let node = &cluster.nodes[0];
    let (fanout, mut commands) = FanoutHandle::<Screen>::new();
    let every = Duration::from_secs(15);
    let marks = run_marks(node.chat.clone(), fanout, every, node.lifecycle.clone());
    node.lifecycle.spawn("marks", marks);
    let mut next = async || match timeout(2 * every, commands.recv()).await.unwrap().unwrap() {
        FanoutCommand::Mark { part, body } => {
            let body: &RawValue = &body;
            (part, body.get().to_owned())
        }
        _ => panic!("it only marks"),
    };
    let began = tokio::time::Instant::now();
    let first = next().await;
    for part in 1..MARK_PARTS {
        assert_eq!(next().await, (part, first.1.clone()), "also while it stands still");
        assert_eq!(began.elapsed().as_secs(), part as u64);
    }
    cluster.clock.set(NOW_MS + SETTLED_MS);
    let (part, second) = next().await;
    assert_eq!((part, began.elapsed()), (0, every));
    assert!(second > first.1, "{second}");
}
