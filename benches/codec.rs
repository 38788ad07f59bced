//! What one envelope costs on its way between two processes: a message of 300 bytes, encoded by its sender and read
//! by a receiver, which hands its JSON on. `cargo bench --bench codec`.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on may panic")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::value::RawValue;
use vibetalk::bus::codec::{Encoder, decode};
use vibetalk::bus::envelope::{About, Changed, Content, Envelope, Topic};
use vibetalk::model::event::Push;
use vibetalk::model::id::{ChannelId, GroupId, MessageId, NodeId};

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NOW_MS: u64 = 1_795_000_000_000;

fn message(content_bytes: usize) -> Envelope {
    let body =
        format!(r#"{{"id":"3765432109876543210","content":"{}"}}"#, "x".repeat(content_bytes));
    let body: Arc<RawValue> = RawValue::from_string(body).unwrap().into();
    let channel_id = ChannelId::first_at(NOW_MS);
    let topics = [Topic::Group(GroupId::first_at(NOW_MS))];
    let content = Content::Push { push: Push::MessageCreated, body };
    Envelope {
        changed: [Changed::History(channel_id)].into_iter().collect(),
        about: About::NewMessage(channel_id, MessageId::first_at(NOW_MS)),
        ..Envelope::new(NodeId::default(), NOW_MS, topics, content)
    }
}

fn codec(criterion: &mut Criterion) {
    let encoder = Encoder::new(1);
    let mut group = criterion.benchmark_group("codec");
    for content_bytes in [250, 4_000] {
        let envelope = message(content_bytes);
        let parcel = encoder.envelope(&envelope, false).unwrap();
        group.throughput(Throughput::Bytes(parcel.body.len() as u64));
        group.bench_function(format!("encode {content_bytes}"), |bencher| {
            bencher.iter(|| encoder.envelope(black_box(&envelope), false).unwrap());
        });
        group.bench_function(format!("decode {content_bytes}"), |bencher| {
            bencher.iter(|| decode(black_box(&parcel)).unwrap());
        });
        group.bench_function(format!("topics {content_bytes}"), |bencher| {
            bencher.iter(|| black_box(&parcel).topics());
        });
    }
    group.finish();
}

criterion_group!(benches, codec);
criterion_main!(benches);
