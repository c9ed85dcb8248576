mod receiver;
mod serve;
pub(super) mod support;
