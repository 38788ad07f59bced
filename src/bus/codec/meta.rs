//! What an envelope says besides whom it is for and what clients get: the JSON of the header `meta`.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::bus::envelope::{About, Changed, Content, Effect, Entity, Envelope};
use crate::clock::UnixMs;
use crate::model::channel::ChannelKind;
use crate::model::event::Push;

/// Fields that are not there are as in an envelope of which nothing is known. Older nodes do as if a field that they
/// do not know were not there.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Meta<'a> {
    pub published_at_ms: UnixMs,
    #[serde(default, skip_serializing_if = "<[Changed]>::is_empty")]
    pub changed: Cow<'a, [Changed]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<Cow<'a, Effect>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push: Option<PushName>,
    /// Nothing if it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<Cow<'a, About>>,
    /// Of a [`Content::Current`], which has no body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<Entity>,
    /// Of a [`Content::ChannelPush`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel_kind: Option<ChannelKind>,
    /// The body is those of [`Content::Presences`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_presences: bool,
}

impl<'a> Meta<'a> {
    pub fn of(envelope: &'a Envelope) -> Self {
        let (mut push, mut entity, mut channel_kind, mut has_presences) = (None, None, None, false);
        match &envelope.content {
            Content::None => {}
            Content::Push { push: named, .. } => push = Some(*named),
            Content::Current { push: named, entity: of } => {
                (push, entity) = (Some(*named), Some(*of));
            }
            Content::ChannelPush { push: named, kind, .. } => {
                (push, channel_kind) = (Some(*named), Some(*kind));
            }
            Content::Presences(_) => has_presences = true,
        }
        Self {
            published_at_ms: envelope.published_at_ms,
            changed: Cow::Borrowed(&envelope.changed),
            effect: envelope.effect.as_ref().map(Cow::Borrowed),
            push: push.map(PushName::Known),
            about: (envelope.about != About::Nothing).then_some(Cow::Borrowed(&envelope.about)),
            entity,
            channel_kind,
            has_presences,
        }
    }
}

/// A push by its name on the wire, which a newer node may have and this one not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushName {
    Known(Push),
    Unknown,
}

impl Serialize for PushName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Known(push) => serializer.serialize_str(push.name()),
            Self::Unknown => Err(serde::ser::Error::custom("nobody sends what they do not know")),
        }
    }
}

impl<'de> Deserialize<'de> for PushName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Cow::<'de, str>::deserialize(deserializer)?;
        Ok(Push::from_name(&name).map_or(Self::Unknown, Self::Known))
    }
}
