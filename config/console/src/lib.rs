//! The admin side: the admin API, health and metrics, and later the web pages.
