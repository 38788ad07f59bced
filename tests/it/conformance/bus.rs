//! The bus port's conformance suite. The cases know the trait only, and run on every bus.
//!
//! A test plays the fan-out: it reads the deliveries that the bus was made with.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio::sync::oneshot;
use vibetalk::bus::envelope::{Content, Effect, Envelope, Topic};
use vibetalk::bus::local::LocalBus;
use vibetalk::bus::{Bus, BusError, DELIVERIES_QUEUED_MAX, Deliveries, Delivery};
use vibetalk::model::id::{GroupId, NodeId};

mod nodes;

/// Stamps each case onto each bus.
macro_rules! cases {
    ($($case:ident)*) => {
        mod on_local_bus {
            $(
                #[tokio::test(start_paused = true)]
                async fn $case() {
                    let (bus, deliveries) = super::LocalBus::new();
                    super::$case(super::Arc::new(bus), deliveries).await;
                }
            )*
        }
    };
}

cases! {
    envelopes_of_one_publisher_arrive_in_order
    envelopes_of_many_publishers_all_arrive
    an_envelope_arrives_as_it_was_published
    publishing_applied_waits_until_it_is
    publishing_applied_keeps_its_place
    publishing_applied_fails_without_an_answer
    publishing_applied_times_out
    volatile_envelopes_are_dropped_when_the_queue_is_full
    publishers_wait_for_a_place_and_time_out
    publishing_fails_when_the_fan_out_has_ended
    binding_is_counted
}

const TOPIC: Topic = Topic::Group(GroupId::new(1));

/// An envelope that is told from others by `number`.
fn envelope(number: u64) -> Envelope {
    Envelope::new(NodeId::default(), number, [TOPIC], Content::None)
}

/// The number of the next delivery, and who waits until it is applied.
async fn next(deliveries: &mut Deliveries) -> (u64, Option<oneshot::Sender<()>>) {
    match deliveries.recv().await.unwrap() {
        Delivery::Envelope { envelope, applied } => (envelope.published_at_ms, applied),
        other => panic!("{other:?}"),
    }
}

/// What has been delivered and not yet read.
fn waiting(deliveries: &mut Deliveries) -> Vec<u64> {
    let number = |delivery| match delivery {
        Delivery::Envelope { envelope, .. } => envelope.published_at_ms,
        other => panic!("{other:?}"),
    };
    std::iter::from_fn(|| deliveries.try_recv().ok().map(number)).collect()
}

async fn fill(bus: &dyn Bus) {
    bus.bind(TOPIC).await.unwrap();
    for number in 0..DELIVERIES_QUEUED_MAX as u64 {
        bus.publish(envelope(number)).await.unwrap();
    }
}

async fn envelopes_of_one_publisher_arrive_in_order(bus: Arc<dyn Bus>, mut deliveries: Deliveries) {
    bus.bind(TOPIC).await.unwrap();
    for number in 0..100 {
        match number % 3 {
            0 => bus.publish_volatile(envelope(number)),
            _ => bus.publish(envelope(number)).await.unwrap(),
        }
    }
    for number in 0..100 {
        assert_eq!(next(&mut deliveries).await.0, number);
    }
}

async fn envelopes_of_many_publishers_all_arrive(bus: Arc<dyn Bus>, mut deliveries: Deliveries) {
    bus.bind(TOPIC).await.unwrap();
    let published = join_all((0..500).map(|number| bus.publish(envelope(number)))).await;
    assert!(published.iter().all(Result::is_ok));
    let mut arrived = Vec::new();
    for _ in 0..500 {
        arrived.push(next(&mut deliveries).await.0);
    }
    arrived.sort_unstable();
    assert!(arrived.into_iter().eq(0..500));
}

async fn an_envelope_arrives_as_it_was_published(bus: Arc<dyn Bus>, mut deliveries: Deliveries) {
    bus.bind(TOPIC).await.unwrap();
    let effect = Effect::CloseGroup { group_id: GroupId::new(1) };
    bus.publish(Envelope { effect: Some(effect.clone()), ..envelope(7) }).await.unwrap();
    let Some(Delivery::Envelope { envelope, applied }) = deliveries.recv().await else {
        panic!("nothing was lost");
    };
    assert_eq!(envelope.effect, Some(effect));
    assert_eq!(envelope.topics.as_slice(), [TOPIC]);
    assert_eq!(envelope.published_at_ms, 7);
    assert!(applied.is_none(), "nobody waits for it");
}

async fn publishing_applied_waits_until_it_is(bus: Arc<dyn Bus>, mut deliveries: Deliveries) {
    bus.bind(TOPIC).await.unwrap();
    let mut publishing = std::pin::pin!(bus.publish_applied(envelope(1)));
    assert!(publishing.as_mut().now_or_never().is_none());
    let (number, applied) = next(&mut deliveries).await;
    assert_eq!(number, 1);
    assert!(publishing.as_mut().now_or_never().is_none(), "delivered is not applied");
    applied.unwrap().send(()).unwrap();
    publishing.await.unwrap();
}

async fn publishing_applied_keeps_its_place(bus: Arc<dyn Bus>, mut deliveries: Deliveries) {
    bus.bind(TOPIC).await.unwrap();
    bus.publish(envelope(0)).await.unwrap();
    let mut publishing = std::pin::pin!(bus.publish_applied(envelope(1)));
    assert!(publishing.as_mut().now_or_never().is_none());
    bus.publish(envelope(2)).await.unwrap();
    for number in 0..3 {
        let (arrived, applied) = next(&mut deliveries).await;
        assert_eq!(arrived, number);
        if let Some(applied) = applied {
            applied.send(()).unwrap();
        }
    }
    publishing.await.unwrap();
}

async fn publishing_applied_fails_without_an_answer(bus: Arc<dyn Bus>, mut deliveries: Deliveries) {
    bus.bind(TOPIC).await.unwrap();
    let publishing = bus.publish_applied(envelope(1));
    let (published, (_, applied)) = tokio::join!(publishing, async {
        let (number, applied) = next(&mut deliveries).await;
        drop(applied); // The fan-out fails over it.
        (number, None::<()>)
    });
    assert!(applied.is_none());
    assert!(matches!(published, Err(BusError::Unavailable(_))));
}

/// Time is paused, so waiting takes none.
async fn publishing_applied_times_out(bus: Arc<dyn Bus>, mut deliveries: Deliveries) {
    bus.bind(TOPIC).await.unwrap();
    let published = bus.publish_applied(envelope(1));
    let published = tokio::time::timeout(Duration::from_secs(60), published).await;
    assert!(matches!(published, Ok(Err(BusError::Timeout))));
    assert_eq!(next(&mut deliveries).await.0, 1, "it may still be applied");
}

async fn volatile_envelopes_are_dropped_when_the_queue_is_full(
    bus: Arc<dyn Bus>,
    mut deliveries: Deliveries,
) {
    fill(&*bus).await;
    bus.publish_volatile(envelope(u64::MAX));
    let arrived = waiting(&mut deliveries);
    assert!(arrived.into_iter().eq(0..DELIVERIES_QUEUED_MAX as u64));
    bus.publish_volatile(envelope(8));
    assert_eq!(next(&mut deliveries).await.0, 8);
}

async fn publishers_wait_for_a_place_and_time_out(bus: Arc<dyn Bus>, mut deliveries: Deliveries) {
    fill(&*bus).await;
    let mut patient = std::pin::pin!(bus.publish(envelope(u64::MAX)));
    assert!(patient.as_mut().now_or_never().is_none());
    next(&mut deliveries).await;
    patient.await.unwrap();

    let refused = tokio::time::timeout(Duration::from_secs(60), bus.publish(envelope(5))).await;
    assert!(matches!(refused, Ok(Err(BusError::Timeout))));
    assert!(matches!(deliveries.recv().await, Some(Delivery::Gap)), "and that is told");
    let arrived = waiting(&mut deliveries);
    assert_eq!(arrived.len(), DELIVERIES_QUEUED_MAX);
    assert_eq!(arrived.last(), Some(&u64::MAX), "what was refused does not arrive");
}

async fn publishing_fails_when_the_fan_out_has_ended(bus: Arc<dyn Bus>, deliveries: Deliveries) {
    drop(deliveries);
    for published in [bus.publish(envelope(1)).await, bus.publish_applied(envelope(2)).await] {
        assert!(matches!(published, Err(BusError::Unavailable(_))));
    }
    bus.publish_volatile(envelope(3)); // Dropped.
}

async fn binding_is_counted(bus: Arc<dyn Bus>, mut deliveries: Deliveries) {
    bus.bind(TOPIC).await.unwrap();
    bus.bind(TOPIC).await.unwrap();
    bus.unbind(TOPIC);
    bus.publish(envelope(1)).await.unwrap();
    assert_eq!(next(&mut deliveries).await.0, 1);
}
