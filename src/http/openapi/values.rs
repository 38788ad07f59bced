//! Values that are strings on the wire.

use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{KnownFormat, RefOr, Schema, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

use crate::model::channel::ChannelKind;
use crate::model::id::{ChannelId, GroupId, MessageId, SessionId, UserId};
use crate::model::time::Timestamp;

macro_rules! describe_ids {
    ($($id:ident)*) => {$(
        impl PartialSchema for $id {
            fn schema() -> RefOr<Schema> {
                string().pattern(Some("^[0-9]{1,19}$")).into()
            }
        }

        impl ToSchema for $id {}
    )*};
}

describe_ids! { UserId GroupId ChannelId MessageId SessionId }

impl PartialSchema for Timestamp {
    fn schema() -> RefOr<Schema> {
        string().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))).into()
    }
}

impl ToSchema for Timestamp {}

impl PartialSchema for ChannelKind {
    fn schema() -> RefOr<Schema> {
        let kinds = [Self::Text, Self::Announcement, Self::Direct].map(Self::as_str);
        string().enum_values(Some(kinds)).into()
    }
}

impl ToSchema for ChannelKind {}

fn string() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}
