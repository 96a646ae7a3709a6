//! Calls through the codec but not over the network, for tests.

use crate::{Ctx, Dispatch, Fault, Incoming, Op, Outgoing, Reply, Retry};
use std::sync::Arc;

/// Makes a call, and a repeatable one twice.
pub(super) async fn call(module: &Arc<dyn Dispatch>, op: &'static Op, cx: &Ctx, mut call: Outgoing) -> Result<Reply, Fault> {
    let index = module.ops().iter().position(|o| o == op);
    let index = index.ok_or_else(|| Fault::internal(format_args!("{} is not an operation of the module", op.id)))?;
    let mut upload = call.upload.take();
    let mut send = async || {
        let params = call.params.iter().map(|(name, value)| ((*name).into(), value.clone())).collect();
        let (query, body, if_match) = (call.query.clone(), call.body.clone(), call.if_match.clone());
        let incoming = Incoming { params, query, body, upload: upload.take(), if_match, from_peer: true };
        match module.clone().dispatch(index, cx.clone(), incoming).await {
            Reply::Failed(problem) => {
                let json = serde_json::to_vec(&problem).map_err(Fault::internal)?;
                Ok::<_, Fault>(Reply::received(op, problem.status, json))
            }
            done => Ok(done),
        }
    };
    let first = send().await?;
    if op.is_repeatable(cx) {
        // The first answer is returned: the caller asks about one call. The second may be another ("not found" after a DELETE),
        // but a keyed POST must answer the same twice: the key is for that.
        let second = send().await?;
        if let (Retry::Key, Reply::Done { body, .. }) = (op.retry, &first) {
            let same = matches!(&second, Reply::Done { body: again, .. } if again == body);
            assert!(same, "{} answered {second:?} when repeated with the same key, and before {first:?}", op.id);
        }
    }
    Ok(first)
}
