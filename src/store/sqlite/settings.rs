//! What clients keep for a person: one JSON text each.

use async_trait::async_trait;
use rusqlite::types::{FromSqlError, Type};
use rusqlite::{Connection, Row, params};

use crate::model::id::UserId;
use crate::model::settings::{SETTINGS_BYTES_MAX, Settings};
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::statement::{execute, find};
use crate::store::{SettingsStore, StoreError};

pub fn settings(row: &Row<'_>) -> rusqlite::Result<Settings> {
    let json: String = row.get(0)?;
    serde_json::from_str(&json).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, Type::Text, FromSqlError::other(error).into())
    })
}

fn get(conn: &Connection, user_id: UserId) -> rusqlite::Result<Settings> {
    let sql = "SELECT settings FROM user_settings WHERE user_id = ?1";
    Ok(find(conn, sql, [user_id], settings)?.unwrap_or_default())
}

pub fn update(
    conn: &Connection,
    user_id: UserId,
    patch: &Settings,
) -> rusqlite::Result<Option<Settings>> {
    let merged = get(conn, user_id)?.merged(patch.clone());
    let json = merged.to_json();
    if json.len() > SETTINGS_BYTES_MAX {
        return Ok(None);
    }
    let sql = "INSERT INTO user_settings (user_id, settings) VALUES (?1, ?2)
               ON CONFLICT DO UPDATE SET settings = excluded.settings";
    execute(conn, sql, params![user_id, json])?;
    Ok(Some(merged))
}

#[async_trait]
impl SettingsStore for SqliteStore {
    async fn get_settings(&self, user_id: UserId) -> Result<Settings, StoreError> {
        self.read("get_settings", move |conn| Ok(get(conn, user_id)?)).await
    }

    async fn update_settings(
        &self,
        user_id: UserId,
        patch: &Settings,
    ) -> Result<Option<Settings>, StoreError> {
        let patch = patch.clone();
        self.write("update_settings", SETTINGS_BYTES_MAX, move |conn| {
            Ok(update(conn, user_id, &patch)?)
        })
        .await
    }
}
