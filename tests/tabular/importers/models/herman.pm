// Herman's self-stabilising ring of three processes (1990), biased coins; written for these tests.
dtmc
const double b;
module one
  x1 : [0..1] init 1;
  [step] x1=x3 -> b : (x1'=0) + 1-b : (x1'=1);
  [step] x1!=x3 -> (x1'=x3);
endmodule
module two = one [x1=x2, x3=x1] endmodule
module three = one [x1=x3, x3=x2] endmodule
formula tokens = (x1=x3 ? 1 : 0) + (x2=x1 ? 1 : 0) + (x3=x2 ? 1 : 0);
rewards "steps"
  tokens>1 : 1;
endrewards
label "stable" = tokens=1;
