//! Carries statements out: within the bounds, with their answers decoded.

use std::ops::ControlFlow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use scylla::client::session::Session;
use scylla::deserialize::row::{ColumnIterator, DeserializeRow};
use scylla::deserialize::value::DeserializeValue;
use scylla::response::PagingState;
use scylla::response::query_result::{QueryResult, QueryRowsResult};
use scylla::serialize::batch::BatchValues;
use scylla::serialize::row::SerializeRow;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::bound::BoundStatement;

use crate::store::StoreError;
use crate::store::scylla::bounds::{Company, RequestBounds};
use crate::store::scylla::connection::{DatabaseConnection, Profiles};
use crate::store::scylla::errors::{failed, is_unknown};
use crate::store::scylla::statement::{CqlStatement, Kind};

/// Requests that one call has under way at a time, so that a call for a thousand people leaves room for others.
const AT_A_TIME: usize = 64;

pub struct Database {
    session: Session,
    profiles: Profiles,
    bounds: RequestBounds,
}

/// A row that is decoded whole.
pub trait Decoded: for<'row> DeserializeRow<'row, 'row> {}
impl<T> Decoded for T where T: for<'row> DeserializeRow<'row, 'row> {}

impl Database {
    pub fn new(connection: DatabaseConnection, requests_max: usize) -> Self {
        let DatabaseConnection { session, profiles, .. } = connection;
        Self { session, profiles, bounds: RequestBounds::new(requests_max) }
    }

    pub fn close(&self) {
        self.bounds.close();
    }

    /// All rows; the statement or its partition bounds how many.
    pub async fn rows<R: Decoded>(
        &self,
        statement: &CqlStatement,
        values: impl SerializeRow,
    ) -> Result<Vec<R>, StoreError> {
        let mut all = Vec::new();
        self.each(statement, values, |row| all.push(row)).await?;
        Ok(all)
    }

    /// Shows every row to `visit`.
    pub async fn each<R: Decoded>(
        &self,
        statement: &CqlStatement,
        values: impl SerializeRow,
        mut visit: impl FnMut(R),
    ) -> Result<(), StoreError> {
        let bound = bind(statement, &values)?;
        let mut state = PagingState::start();
        loop {
            let _turn = self.bounds.turn(token(&bound)?, Company::Others).await?;
            let page = self.session.execute_bound_single_page(&bound, state).await?;
            let (result, next) = page;
            let result = result.into_rows_result().map_err(failed)?;
            for row in result.rows::<R>().map_err(failed)? {
                visit(row.map_err(failed)?);
            }
            // A page may be empty while there is more.
            match next.into_paging_control_flow() {
                ControlFlow::Break(()) => return Ok(()),
                ControlFlow::Continue(next) => state = next,
            }
        }
    }

    /// About `limit` rows of a whole table, from the beginning or from where an earlier page said, and where the next one
    /// begins, if there is one.
    pub async fn scan<R: Decoded>(
        &self,
        statement: &CqlStatement,
        from: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<R>, Option<String>), StoreError> {
        let state = match from {
            None => PagingState::start(),
            Some(place) => PagingState::new_from_raw_bytes(BASE64.decode(place).map_err(failed)?),
        };
        let mut prepared = statement.prepared.clone();
        prepared.set_page_size(i32::try_from(limit).unwrap_or(i32::MAX).max(1));
        let bound = prepared.bind(&()).map_err(failed)?;
        let _turn = self.bounds.turn(0, Company::Others).await?;
        let (result, next) = self.session.execute_bound_single_page(&bound, state).await?;
        let result = result.into_rows_result().map_err(failed)?;
        let rows = result.rows::<R>().map_err(failed)?.collect::<Result<_, _>>().map_err(failed)?;
        let next = match next.into_paging_control_flow() {
            ControlFlow::Break(()) => None,
            ControlFlow::Continue(next) => next.as_bytes_slice().map(|state| BASE64.encode(state)),
        };
        Ok((rows, next))
    }

    /// The first row.
    pub async fn row<R: Decoded>(
        &self,
        statement: &CqlStatement,
        values: impl SerializeRow,
    ) -> Result<Option<R>, StoreError> {
        let bound = bind(statement, &values)?;
        let result = self.execute(&bound, Company::Others).await?;
        let result = result.into_rows_result().map_err(failed)?;
        result.maybe_first_row::<R>().map_err(failed)
    }

    /// Rows of a single column.
    pub async fn column<T>(
        &self,
        statement: &CqlStatement,
        values: impl SerializeRow,
    ) -> Result<Vec<T>, StoreError>
    where
        (T,): Decoded,
    {
        let rows = self.rows::<(T,)>(statement, values).await?;
        Ok(rows.into_iter().map(|(value,)| value).collect())
    }

    /// The first value of the first row.
    pub async fn value<T>(
        &self,
        statement: &CqlStatement,
        values: impl SerializeRow,
    ) -> Result<Option<T>, StoreError>
    where
        (T,): Decoded,
    {
        Ok(self.row::<(T,)>(statement, values).await?.map(|(value,)| value))
    }

    /// A plain write.
    pub async fn write(
        &self,
        statement: &CqlStatement,
        values: impl SerializeRow,
    ) -> Result<(), StoreError> {
        debug_assert_eq!(statement.kind, Kind::Write);
        self.execute(&bind(statement, &values)?, Company::Others).await.map(drop)
    }

    /// A conditional write. One of which nobody knows the outcome is repeated once, which settles whatever is under
    /// way: so a condition has to tell what this call has written already from what is somebody else's, or the
    /// caller asks [`Decision::once`].
    pub async fn decide(
        &self,
        statement: &CqlStatement,
        values: impl SerializeRow,
    ) -> Result<Decision, StoreError> {
        debug_assert_eq!(statement.kind, Kind::Decide);
        let bound = bind(statement, &values)?;
        match self.execute(&bound, Company::Alone).await {
            Ok(result) => Decision::of(result, false),
            Err(error) if is_unknown(&error) => {
                Decision::of(self.execute(&bound, Company::Alone).await?, true)
            }
            Err(error) => Err(error),
        }
    }

    /// Likewise several writes of one partition, which are all carried out or none. The first one says which
    /// partition.
    pub async fn decide_all(
        &self,
        statements: &[&CqlStatement],
        values: impl BatchValues,
        partition: impl SerializeRow,
    ) -> Result<Decision, StoreError> {
        let mut batch = Batch::new(BatchType::Unlogged);
        batch.set_execution_profile_handle(Some(self.profiles.conditional.clone()));
        for statement in statements {
            batch.append_statement(statement.prepared.clone());
        }
        let token = token(&bind(statements[0], &partition)?)?;
        let execute = async || {
            let _turn = self.bounds.turn(token, Company::Alone).await?;
            self.session.batch(&batch, &values).await.map_err(StoreError::from)
        };
        match execute().await {
            Ok(result) => Decision::of(result, false),
            Err(error) if is_unknown(&error) => Decision::of(execute().await?, true),
            Err(error) => Err(error),
        }
    }

    async fn execute(
        &self,
        bound: &BoundStatement,
        company: Company,
    ) -> Result<QueryResult, StoreError> {
        let _turn = self.bounds.turn(token(bound)?, company).await?;
        Ok(self.session.execute_bound_unpaged(bound).await?)
    }
}

/// Carries out `each` for all `items`, some at a time. The results are in the order of the items.
pub async fn for_all<I, T, F>(
    items: impl IntoIterator<Item = I> + Send,
    each: impl FnMut(I) -> F + Send,
) -> Result<Vec<T>, StoreError>
where
    F: Future<Output = Result<T, StoreError>> + Send,
{
    let items: Vec<F> = items.into_iter().map(each).collect();
    stream::iter(items).buffered(AT_A_TIME).try_collect().await
}

fn bind(
    statement: &CqlStatement,
    values: &impl SerializeRow,
) -> Result<BoundStatement, StoreError> {
    statement.prepared.clone().bind(values).map_err(failed)
}

/// 0 for what has no partition: lists of all rows of a table.
fn token(bound: &BoundStatement) -> Result<i64, StoreError> {
    let token = bound.calculate_token().map_err(failed)?;
    Ok(token.map_or(0, |token| token.value()))
}

/// What a conditional write came to.
pub struct Decision {
    applied: bool,
    /// The second try: the first may be what is in its way.
    repeated: bool,
    answer: QueryRowsResult,
}

impl Decision {
    fn of(result: QueryResult, repeated: bool) -> Result<Self, StoreError> {
        let answer = result.into_rows_result().map_err(failed)?;
        let applied = find(&answer, "[applied]")?.unwrap_or(false);
        Ok(Self { applied, repeated, answer })
    }

    pub fn applied(&self) -> bool {
        self.applied
    }

    /// Whether a first try, of which nobody knew, may be what it found.
    pub fn is_repeated(&self) -> bool {
        self.repeated
    }

    /// For what cannot tell its own first try from somebody else's, as a deletion.
    ///
    /// # Errors
    ///
    /// [`StoreError::Timeout`] if it was refused, and that may be its own doing.
    pub fn once(&self) -> Result<bool, StoreError> {
        if self.repeated && !self.applied { Err(StoreError::Timeout) } else { Ok(self.applied) }
    }

    /// A column of the row that was in its way. None if there is no such row, or it has no value.
    ///
    /// Columns are found by name: ScyllaDB answers the row also when the write was applied, Cassandra only when it was
    /// refused, and not with the same columns.
    pub fn found<T>(&self, column: &str) -> Result<Option<T>, StoreError>
    where
        T: for<'value> DeserializeValue<'value, 'value>,
    {
        find(&self.answer, column)
    }
}

fn find<T>(answer: &QueryRowsResult, name: &str) -> Result<Option<T>, StoreError>
where
    T: for<'value> DeserializeValue<'value, 'value>,
{
    let Some(columns) = answer.maybe_first_row::<ColumnIterator<'_, '_>>().map_err(failed)? else {
        return Ok(None);
    };
    for column in columns {
        let column = column.map_err(failed)?;
        if column.spec.name() == name {
            <Option<T>>::type_check(column.spec.typ()).map_err(failed)?;
            return <Option<T>>::deserialize(column.spec.typ(), column.slice).map_err(failed);
        }
    }
    Ok(None)
}
