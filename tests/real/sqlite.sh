# Through a file: on a terminal, errors would come at other places.
sqlite3 test.db < sqlite.sql > out 2>&1; cat out
sqlite3 test.db 'select count(*), total(price) from item' .sha3sum
sqlite3 test.db '.dump tag' | sed -n 's/^INSERT INTO tag //p' | head -n 4
sqlite3 -json test.db 'select * from tag order by name limit 3'
sqlite3 test.db 'selec' 2>&1; echo $?
(head -c 5000 test.db; echo garbage; tail -c +5009 test.db) > bad.db; sqlite3 bad.db 'pragma integrity_check' 2>&1 | head -n 3
