/* What `artisan queue:table` and `queue:failed-table` make, and what the jobs leave. */
create table jobs (
    id integer primary key autoincrement,
    queue text not null,
    payload text not null,
    attempts integer not null,
    reserved_at integer,
    available_at integer not null,
    created_at integer not null
);
create table failed_jobs (
    id integer primary key autoincrement,
    uuid text,
    connection text,
    queue text,
    payload text,
    exception text,
    failed_at text default current_timestamp
);
create table done (at integer not null);
