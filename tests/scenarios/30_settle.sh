. $SCNLIB
# v1: freezing and thawing nested groups, again and again
mkg $G; mkg $G/k; sleeper $G; sleeper $G/k; bg $G/k $MKH spin
$MKH settle v1 $G 1; cat $G/k/freezer.state; $MKH settle v1 $G/k 0; cat $G/k/freezer.state; $MKH settle v1 $G 0; cat $G/k/freezer.state; $MKH toggle v1 $G 30; $MKH toggle v1 $G/k 30
