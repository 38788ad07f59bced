//! What a bus of several nodes promises. The cases know the trait only.

use std::sync::Arc;

use futures_util::FutureExt;
use tokio::sync::oneshot;
use vibetalk::bus::envelope::{Changed, Envelope};
use vibetalk::bus::node_event::NodeEvent;
use vibetalk::bus::{Bus, BusError, Deliveries, Delivery};
use vibetalk::model::id::{NodeId, UserId};

use super::{TOPIC, envelope};
use crate::cluster::broker::Broker;

/// A bus, and what arrives at its node.
type End = (Arc<dyn Bus>, Deliveries);

fn on_broker() -> [End; 3] {
    let broker = Arc::new(Broker::default());
    [0, 1, 2].map(|number| {
        let (bus, deliveries) = broker.join(NodeId::new(number).unwrap());
        (bus as Arc<dyn Bus>, deliveries)
    })
}

macro_rules! cases {
    ($($case:ident)*) => {
        $(
            #[tokio::test(start_paused = true)]
            async fn $case() {
                cases::$case(on_broker()).await;
            }
        )*
    };
}

cases! {
    an_envelope_reaches_every_node_that_bound_its_topic
    what_is_for_every_node_needs_no_topic
    what_is_published_here_reaches_no_other_node
    what_nodes_are_told_comes_in_order_with_envelopes_and_not_to_who_tells
    publishing_applied_waits_for_every_node
    publishing_applied_fails_if_one_node_does_not_apply
}

/// Something that every node gets, and is told from others by `number`.
fn for_all(number: u64) -> Envelope {
    let changed = [Changed::Person(UserId::new(number))].into_iter().collect();
    Envelope { topics: [].into_iter().collect(), changed, ..envelope(number) }
}

fn told(number: u64) -> Arc<NodeEvent> {
    Arc::new(NodeEvent::Changed(vec![Changed::Person(UserId::new(number))]))
}

/// The next delivery, as `e<number>` or `n<number>`, and who waits for it.
async fn next(deliveries: &mut Deliveries) -> (String, Option<oneshot::Sender<()>>) {
    match deliveries.recv().await.unwrap() {
        Delivery::Envelope { envelope, applied } => {
            (format!("e{}", envelope.published_at_ms), applied)
        }
        Delivery::Node { event, .. } => match &*event {
            NodeEvent::Changed(changed) => match changed[..] {
                [Changed::Person(user_id)] => (format!("n{user_id}"), None),
                _ => panic!("{event:?}"),
            },
            _ => panic!("{event:?}"),
        },
        other => panic!("{other:?}"),
    }
}

mod cases {
    use super::*;

    pub async fn an_envelope_reaches_every_node_that_bound_its_topic(mut ends: [End; 3]) {
        for (bus, _) in &ends {
            bus.bind(TOPIC).await.unwrap();
        }
        ends[0].0.publish(envelope(1)).await.unwrap();
        for (_, deliveries) in &mut ends {
            assert_eq!(next(deliveries).await.0, "e1");
        }
    }

    pub async fn what_is_for_every_node_needs_no_topic(mut ends: [End; 3]) {
        ends[1].0.publish(for_all(1)).await.unwrap();
        for (_, deliveries) in &mut ends {
            assert_eq!(next(deliveries).await.0, "e1");
        }
    }

    pub async fn what_is_published_here_reaches_no_other_node(mut ends: [End; 3]) {
        for (bus, _) in &ends {
            bus.bind(TOPIC).await.unwrap();
        }
        ends[0].0.publish_here(envelope(1)).await.unwrap();
        ends[0].0.publish(for_all(2)).await.unwrap();
        assert_eq!(next(&mut ends[0].1).await.0, "e1");
        for (_, deliveries) in &mut ends {
            assert_eq!(next(deliveries).await.0, "e2");
        }
    }

    pub async fn what_nodes_are_told_comes_in_order_with_envelopes_and_not_to_who_tells(
        mut ends: [End; 3],
    ) {
        let bus = ends[0].0.clone();
        for number in [1, 3] {
            bus.tell_nodes(told(number)).await.unwrap();
            bus.publish(for_all(number + 1)).await.unwrap();
        }
        for (index, (_, deliveries)) in ends.iter_mut().enumerate() {
            let expected = if index == 0 { vec!["e2", "e4"] } else { vec!["n1", "e2", "n3", "e4"] };
            for expected in expected {
                assert_eq!(next(deliveries).await.0, expected);
            }
        }
    }

    pub async fn publishing_applied_waits_for_every_node(mut ends: [End; 3]) {
        let bus = ends[0].0.clone();
        let mut publishing = std::pin::pin!(bus.publish_applied(for_all(1)));
        for (_, deliveries) in &mut ends {
            assert!(publishing.as_mut().now_or_never().is_none());
            next(deliveries).await.1.unwrap().send(()).unwrap();
        }
        publishing.await.unwrap();
    }

    pub async fn publishing_applied_fails_if_one_node_does_not_apply(mut ends: [End; 3]) {
        let bus = ends[0].0.clone();
        let publishing = bus.publish_applied(for_all(1));
        let (published, ()) = tokio::join!(publishing, async {
            for (index, (_, deliveries)) in ends.iter_mut().enumerate() {
                let applied = next(deliveries).await.1.unwrap();
                if index < 2 {
                    applied.send(()).unwrap();
                }
            }
        });
        assert!(matches!(published, Err(BusError::Unavailable(_))), "{published:?}");
    }
}
