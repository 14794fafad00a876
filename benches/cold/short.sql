-- A short run of SQLite: two tables, an index, joins, aggregates, a window and a recursive query.
create table items(id integer primary key, name text, size real);
create table parts(item integer, kind text, number integer);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 1500)
  insert into items select i, 'item ' || (i * 7919 % 1500), i * 0.25 from n;
insert into parts select id, substr('abcde', 1 + id % 5, 1), id % 13 from items;
insert into parts select id, 'z', id % 7 from items where id % 3 = 0;
create index by_name on items(name);
select kind, count(*), sum(number), round(avg(size), 3) from parts join items on items.id = parts.item group by kind order by kind;
select name from items where name like 'item 12%' order by name desc limit 3;
select id, sum(size) over (order by id rows 3 preceding) from items where id % 300 = 0;
update items set size = size * 2 where id in (select item from parts where number = 5);
delete from parts where kind = 'b';
select count(*), total(size) from items left join parts on id = item;
