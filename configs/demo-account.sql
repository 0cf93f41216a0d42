-- The account of the demonstration, with the least that the bridge needs on MariaDB 10.5 and later. MySQL 8 and 9: REPLICATION
-- CLIENT instead of BINLOG MONITOR. The UPDATE is for the write-back columns only; leave it out where no route writes back.
CREATE USER talkbridge@'127.0.0.1' IDENTIFIED BY 'demo-bridge';
GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO talkbridge@'127.0.0.1';
GRANT SELECT ON xgxt_demo.* TO talkbridge@'127.0.0.1';
GRANT UPDATE (tj_zt, sb_xx) ON xgxt_demo.xl_gzth TO talkbridge@'127.0.0.1';
