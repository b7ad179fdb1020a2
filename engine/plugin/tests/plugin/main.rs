//! The host from outside: hostile guests, the cache, building, and the strategies of this repository as real plugins.

mod building;
mod built;
mod cache;
mod corpus;
mod guest;
mod hostile;
mod strategies;
mod toy;
