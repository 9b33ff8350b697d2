//! The public face of the package, as its callers meet it.

#[cfg(test)]
mod bodies;
#[cfg(test)]
mod chunks;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod forms;
#[cfg(test)]
mod heads;
#[cfg(test)]
mod presigned;
#[cfg(test)]
mod processor;
#[cfg(test)]
mod s3_examples;
