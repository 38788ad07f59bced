//! The connections to the database: where they go, how they are secured, what each kind of request may do.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use scylla::client::execution_profile::{ExecutionProfile, ExecutionProfileHandle};
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::policies::load_balancing::DefaultPolicy;
use scylla::policies::retry::FallthroughRetryPolicy;
use scylla::policies::speculative_execution::SimpleSpeculativeExecutionPolicy;
use scylla::statement::{Consistency, SerialConsistency};

use crate::model::time_budget::SHARED_WRITE_MAX;
use crate::store::scylla::ScyllaError;
use crate::store::scylla::config::ScyllaConfig;

/// A change of the schema has to reach every node of the database.
pub const SCHEMA_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a node of the database may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// After so long a read is asked of a second replica as well: beyond what a healthy one takes.
const SPECULATION_DELAY: Duration = Duration::from_millis(100);

/// What the kinds of statements may do.
pub struct DatabaseConnection {
    pub session: Session,
    pub profiles: Profiles,
    pub server: Dialect,
}

/// Which database it is. They speak one language but for some options of tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Scylla,
    Cassandra,
}

pub struct Profiles {
    pub read: ExecutionProfileHandle,
    pub write: ExecutionProfileHandle,
    /// Conditional writes: what is repeated may find itself, so they are not repeated behind our back.
    pub conditional: ExecutionProfileHandle,
    pub schema: ExecutionProfileHandle,
}

impl Profiles {
    fn new(datacenter: &str) -> Self {
        let mut balancing = DefaultPolicy::builder().token_aware(true);
        if !datacenter.is_empty() {
            balancing = balancing.prefer_datacenter(datacenter.to_owned());
        }
        let balancing = balancing.build();
        let base = |timeout| {
            ExecutionProfile::builder()
                .consistency(Consistency::LocalQuorum)
                .serial_consistency(Some(SerialConsistency::LocalSerial))
                .load_balancing_policy(balancing.clone())
                .request_timeout(Some(timeout))
        };
        let speculation = SimpleSpeculativeExecutionPolicy {
            max_retry_count: 1,
            retry_interval: SPECULATION_DELAY,
        };
        let once = Arc::new(FallthroughRetryPolicy::new());
        let read = base(SHARED_WRITE_MAX).speculative_execution_policy(Some(Arc::new(speculation)));
        Self {
            read: read.build().into_handle(),
            write: base(SHARED_WRITE_MAX).build().into_handle(),
            conditional: base(SHARED_WRITE_MAX).retry_policy(once).build().into_handle(),
            schema: base(SCHEMA_TIMEOUT).build().into_handle(),
        }
    }
}

pub async fn connect(config: &ScyllaConfig) -> Result<DatabaseConnection, ScyllaError> {
    let profiles = Profiles::new(&config.datacenter);
    let tls = config.tls_ca.as_deref().map(trusting).transpose()?;
    let mut builder = SessionBuilder::new()
        .known_nodes(&config.address.hosts)
        .tls_context(tls)
        .default_execution_profile_handle(profiles.read.clone())
        .connection_timeout(CONNECT_TIMEOUT)
        .schema_agreement_timeout(SCHEMA_TIMEOUT)
        .keyspaces_to_fetch([config.address.keyspace.as_str()])
        // While the schema is made there are dozens of changes one after the other.
        .refresh_metadata_on_auto_schema_agreement(false);
    if let Some(credentials) = &config.address.credentials {
        builder = builder.user(&credentials.user, &credentials.password);
    }
    let session = builder.build().await.map_err(|error| ScyllaError::Connect(Box::new(error)))?;
    let server = server_of(&session);
    Ok(DatabaseConnection { session, profiles, server })
}

/// Only ScyllaDB tells how it spreads what it keeps over its cores. The versions that both name are
/// Cassandra's.
fn server_of(session: &Session) -> Dialect {
    let state = session.get_cluster_state();
    let is_scylla = state.get_nodes_info().iter().any(|node| node.sharder().is_some());
    if is_scylla { Dialect::Scylla } else { Dialect::Cassandra }
}

fn trusting(path: &Path) -> Result<Arc<ClientConfig>, ScyllaError> {
    type Cause = Box<dyn std::error::Error + Send + Sync>;
    let read = || -> Result<ClientConfig, Cause> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(path)? {
            roots.add(certificate?)?;
        }
        if roots.is_empty() {
            return Err("there is no certificate in it".into());
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let versions =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        Ok(versions.with_root_certificates(roots).with_no_client_auth())
    };
    read().map(Arc::new).map_err(|source| ScyllaError::TlsCa { path: path.to_owned(), source })
}
