//! Where everything was when the Git remote was last seen: read from the mirror while the remote is away. For reading only.

use super::{ObserveError, Observer};
use crate::model::Timestamp;
use crate::plan::Observation;

impl Observer {
    /// The base as it was last seen; `None` where it never was. Nobody is asked.
    pub async fn recall(&self, now: Timestamp) -> Result<Option<Observation>, ObserveError> {
        match self.repository.recall().await? {
            Some(fetched) => self.seen(fetched, now).await.map(Some),
            None => Ok(None),
        }
    }
}
