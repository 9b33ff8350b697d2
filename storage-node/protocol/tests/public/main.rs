//! The language of S3 as the gate and the node meet it: requests in, typed values, answers out.

#[cfg(test)]
mod answers;
#[cfg(test)]
mod ask;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod forms;
#[cfg(test)]
mod inputs;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod requests;
