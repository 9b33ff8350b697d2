//! All that is configured: the settings file, and the directory of accounts, users, keys, buckets and modules.
