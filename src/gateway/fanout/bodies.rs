//! The JSON that each receiver of an envelope gets, made once for all who get the same.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::value::RawValue;
use smallvec::SmallVec;

use crate::gateway::fanout::subscriber::PushBody;
use crate::model::channel::ChannelKind;
use crate::model::permission::Permissions;
use crate::model::presence::Presence;

/// A body that may differ by the receiver's permissions.
pub enum Bodies {
    Same(PushBody),
    /// A channel without `permissions`, and the bodies made of it so far.
    Channel {
        kind: ChannelKind,
        body: PushBody,
        made: SmallVec<[(Permissions, PushBody); 4]>,
    },
}

impl Bodies {
    pub fn channel(kind: ChannelKind, body: PushBody) -> Self {
        Self::Channel { kind, body, made: SmallVec::new() }
    }

    /// `held`: the receiver's permissions in the room through which the envelope reaches them.
    pub fn of(&mut self, held: Permissions) -> &PushBody {
        match self {
            Self::Same(body) => body,
            Self::Channel { kind, body, made } => {
                let permissions = held.in_channel(*kind);
                let known = made.iter().position(|(made_for, _)| *made_for == permissions);
                let index = known.unwrap_or_else(|| {
                    made.push((permissions, with_permissions(body, permissions)));
                    made.len() - 1
                });
                &made[index].1
            }
        }
    }
}

/// Splices `"permissions":"<bits>"` into a JSON object, at its end.
fn with_permissions(object: &RawValue, permissions: Permissions) -> PushBody {
    let text = object.get().trim_end();
    let head = text.strip_suffix('}').unwrap_or(text).trim_end();
    let comma = if head.ends_with('{') { "" } else { "," };
    raw(format!("{head}{comma}\"permissions\":\"{}\"}}", permissions.bits()))
}

/// The arrays of a batch of presences, by which of them a session gets.
pub struct PresenceBodies {
    each: Vec<String>,
    made: HashMap<SmallVec<[u32; 4]>, PushBody>,
}

impl PresenceBodies {
    pub fn new(presences: &[Presence]) -> Self {
        let each = presences.iter().map(|presence| {
            serde_json::to_string(presence)
                .expect("presences have string keys and no failing impls")
        });
        Self { each: each.collect(), made: HashMap::new() }
    }

    pub fn of(&mut self, indices: SmallVec<[u32; 4]>) -> PushBody {
        let each = &self.each;
        let make = |indices: &[u32]| {
            let picked: Vec<&str> = indices.iter().map(|i| each[*i as usize].as_str()).collect();
            raw(format!("[{}]", picked.join(",")))
        };
        let made = self.made.entry(indices);
        let made = made.or_insert_with_key(|indices| make(indices));
        made.clone()
    }
}

/// From JSON that was put together here.
pub fn raw(json: String) -> PushBody {
    Arc::from(RawValue::from_string(json).expect("put together from JSON"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_receiver_gets_their_own_permissions_in_that_channel() {
        let body = raw(r#"{"id":"1","name":"}"}"#.into());
        let mut bodies = Bodies::channel(ChannelKind::Announcement, body);
        let member = bodies.of(Permissions::MEMBER).clone();
        assert_eq!(member.get(), r#"{"id":"1","name":"}","permissions":"133"}"#);
        assert!(bodies.of(Permissions::ALL).get().ends_with(r#""permissions":"511"}"#));
        assert!(Arc::ptr_eq(&member, bodies.of(Permissions::MEMBER)), "made once");
        let empty = raw("{ }".into());
        let mut bodies = Bodies::channel(ChannelKind::Text, empty);
        assert_eq!(bodies.of(Permissions::VIEW).get(), r#"{"permissions":"1"}"#);
    }
}
